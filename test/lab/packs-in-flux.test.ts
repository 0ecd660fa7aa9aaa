import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, vi } from 'vitest';
import { childEnvironment } from '../../src/process/environment.ts';
import { run } from '../../src/process/run.ts';
import { dockerArchive } from '../pack/image-archives.ts';
import { processesOf, scratch, TIME_SCALE } from '../process/scratch.ts';

const UNET = join(import.meta.dirname, '../../bin/unet.js');

vi.setConfig({ testTimeout: 120_000 * TIME_SCALE });

const missing = withoutFlux();
if (missing) {
  console.warn('the packs in a real Flux are skipped: flux is not on PATH');
}

function withoutFlux(): boolean {
  try {
    execFileSync('flux', ['version'], { stdio: 'ignore' });
    return false;
  } catch {
    return true;
  }
}

/** Runs a script in an instance of three brokers on this machine, beside a pack of the rehearsal release. */
async function inInstance(text: string) {
  const directory = scratch();
  const home = join(directory, 'home');
  const temporary = join(directory, 'tmp');
  for (const path of [home, temporary]) {
    mkdirSync(path, { mode: 0o700 });
  }
  await dockerArchive(join(home, 'cni.tar'), { name: 'docker.io/x/cni:2', bytes: 3_000_000 });
  const env = { ...childEnvironment(process.env), HOME: home, TMPDIR: temporary };
  const words = ['--release', 'rehearsal', '--kubectl', 'none', '--images', 'cni.tar', '-o', 'my.pack'];
  const made = await run([process.execPath, UNET, 'pack', ...words], { env, cwd: home, timeoutMs: 60_000 });
  expect(made.exitCode).toBe(0);
  const script = join(directory, 'script');
  writeFileSync(script, `#!/bin/bash\nunet() { node ${UNET} "$@"; }\n${text}\n`);
  chmodSync(script, 0o755);
  const { stdout, stderr, exitCode } = await run(['flux', 'start', '--test-size=3', script], {
    env,
    cwd: home,
    timeoutMs: 100_000,
  });
  const left = readdirSync(temporary, { recursive: true }).filter((path) => String(path).includes('unet'));
  return { output: stdout + stderr, exitCode, left: [...left, ...processesOf(directory)] };
}

const SHOW = `sh -c 'kubectl get nodes; cat $UNET_JOB_DIRECTORY/logs/*/load.log; flux kvs ls -1 archive'`;

describe.skipIf(missing)('a pack in a real Flux', () => {
  it('is broadcast by flux archive where more ranks want it than may read', async () => {
    const { output, exitCode, left } = await inInstance(`unet run --pack my.pack --pack-readers 2 -- ${SHOW}
      code=$?; echo "archives: $(flux kvs ls -1 archive | tr '\\n' ' ')"; exit $code`);
    expect(output).toMatch(/^unet-flux-\S+-pack-[0-9a-f]{12}$/m);
    expect(output.match(/67\.5 KiB loaded/g)).toHaveLength(3);
    expect(output).toMatch(/u7s-\S+-2\s+Ready/);
    expect(output).toMatch(/^archives: $/m);
    expect(exitCode).toBe(0);
    expect(left).toEqual([]);
  });

  it('is read where it lies by a few', async () => {
    const { output, exitCode, left } = await inInstance(`unet run --pack my.pack -- ${SHOW}`);
    expect(output).not.toMatch(/-pack-/);
    expect(output.match(/67\.5 KiB loaded/g)).toHaveLength(3);
    expect(exitCode).toBe(0);
    expect(left).toEqual([]);
  });

  it('cannot be broadcast by sbcast, and that is said', async () => {
    const { output, exitCode } = await inInstance('unet up --pack my.pack --pack-via sbcast');
    expect(output).toContain('--pack-via sbcast: this allocation cannot do that');
    expect(exitCode).toBe(3);
  });
});
