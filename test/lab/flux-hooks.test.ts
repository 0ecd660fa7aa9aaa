import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, readdirSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, vi } from 'vitest';
import { childEnvironment } from '../../src/process/environment.ts';
import { run } from '../../src/process/run.ts';
import { Site, whyNoHooks } from '../hooks/site.ts';
import { processesOf, program, TIME_SCALE, until } from '../process/scratch.ts';
import { fluxUnavailable, privateDirectories } from './flux-instance.ts';

vi.setConfig({ testTimeout: 120_000 * TIME_SCALE });

const missing = fluxUnavailable() ?? whyNoHooks();
if (missing !== undefined) {
  console.warn(`the hooks in a real Flux are skipped: ${missing}`);
}

/**
 * Runs a script in an instance of three brokers on this machine whose prolog and epilog are unet's hooks, as those of a system
 * instance are: as root, on each rank. All of it is one user, since that needs no IMP.
 */
async function inSystem(text: string, { broken = false, shared = true } = {}) {
  const site = new Site({ fakes: [] });
  const flux = execFileSync('which', ['flux'], { encoding: 'utf8' }).trim();
  const installed = site.hooks(['install', '--flux'], { path: `${join(flux, '..')}:/usr/bin:/bin` });
  expect(installed, installed.stderr).toMatchObject({ code: 0 });
  const config = join(site.directory, 'config.toml');
  writeFileSync(
    config,
    `[job-manager]
plugins = [ { load = "perilog.so" } ]
[job-manager.prolog]
command = [ "${site.path('prolog.d/unet')}" ]
per-rank = true
[job-manager.epilog]
command = [ "${site.path('epilog.d/unet')}" ]
per-rank = true
`,
  );
  const wrap = shared ? [] : [`--wrap=${privateDirectories(site.directory)}`];
  const jobs = join(site.directory, shared ? 'jobs' : 'private');
  mkdirSync(jobs, { mode: 0o700, recursive: true });
  if (broken) {
    renameSync(join(site.directory, 'unet/dist/unet.js'), join(site.directory, 'unet/dist/away.js'));
  }
  const ask = `--setattr=user.usernetes.release=rehearsal --setattr=user.usernetes.job-dir=${jobs}`;
  const script = program(
    site.directory,
    'script',
    `#!/bin/bash
unet() { node ${site.unet} "$@"; }
export -f unet
export UNET_RELEASE=rehearsal ASK="${ask}"
${text}
`,
  );
  chmodSync(script, 0o755);
  const result = await run(['flux', 'start', '--test-size=3', `--config-path=${config}`, ...wrap, script], {
    env: childEnvironment(process.env, { TMPDIR: undefined }),
    cwd: site.directory,
    timeoutMs: 110_000 * TIME_SCALE,
  });
  await until(() => processesOf(site.directory).length === 0);
  const output = result.stdout + result.stderr;
  return { ...result, output, left: [...readdirSync(jobs), ...nodeDirectories(output)] };
}

/** What is left of the jobs whose ids the script has said as "job: N". */
function nodeDirectories(output: string): string[] {
  const ids = [...output.matchAll(/^job: (\d+)$/gm)].map(([, id]) => `flux-${id}`);
  expect(ids.length).toBeGreaterThan(0);
  try {
    return readdirSync(`/tmp/unet-${process.getuid?.()}`).filter((name) => ids.includes(name));
  } catch {
    return [];
  }
}

const SAY_JOB = 'echo "job: $(flux job id --to=dec $id)"';
/** Until the epilogs have ended. */
const WAIT = 'flux job wait-event $id clean > /dev/null';

describe.skipIf(missing !== undefined)('in a real Flux with the hooks of unet', () => {
  it('a batch job that asks follows the cluster of its prolog, and the epilog leaves nothing, in the KVS neither', async () => {
    const { output, left } = await inSystem(`
      printf '#!/bin/bash\\n%s\\n' 'unet up; unet attr job-id; unet kubectl get nodes; unet attr supervisor' > batch
      id=$(flux batch -N3 $ASK --output=out batch)
      ${SAY_JOB}; ${WAIT}; cat out
      flux kvs dir -R job | grep unet && echo left in the KVS
      echo "drained: $(flux resource status -no {nodelist} -s drain)"`);
    expect(output).toContain('the cluster is usable');
    expect(output).toMatch(/^flux-\d+$/m);
    expect(output).toMatch(/u7s-\S+-2\s+Ready/);
    expect(output).not.toContain('left in the KVS');
    expect(output).toMatch(/^drained: $/m);
    expect(left).toEqual([]);
  });

  it('a step of the system instance finds it too', async () => {
    const { output, left } = await inSystem(`
      id=$(flux submit -N3 $ASK --output=out bash -c '[ $FLUX_TASK_RANK = 0 ] || exit 0; unet up; unet kubectl get nodes; touch up')
      ${SAY_JOB}; ${WAIT}; cat out`);
    expect(output).toMatch(/u7s-\S+-2\s+Ready/);
    expect(left).toEqual([]);
  });

  it('where nothing is shared between the nodes the cluster comes up as well', async () => {
    const { output, left } = await inSystem(
      `
      id=$(flux submit -N3 $ASK --output=out bash -c '[ $FLUX_TASK_RANK = 0 ] || exit 0; unet up; unet kubectl get nodes')
      ${SAY_JOB}; ${WAIT}; cat out; flux exec ls -A private
      flux kvs dir -R job | grep unet && echo left in the KVS`,
      { shared: false },
    );
    expect(output).toMatch(/u7s-\S+-2\s+Ready/);
    expect(output).not.toMatch(/left in the KVS|^flux-\d+$/m);
    expect(left).toEqual([]);
  });

  it('a cluster with a name is not that of the prolog', async () => {
    const { output, left } = await inSystem(`
      printf '#!/bin/bash\\n%s\\n' 'unet up; unet up --name second; unet attr job-id; unet attr job-id --name second' > batch
      id=$(flux batch -N3 $ASK --output=out batch)
      ${SAY_JOB}; ${WAIT}; cat out; find jobs`);
    expect(output).toMatch(/^flux-\d+$/m);
    expect(output).toMatch(/^flux-\w+-second$/m);
    expect(left).toEqual([]);
  });

  it('a job that does not ask is not touched', async () => {
    const { output, left } = await inSystem(`
      id=$(flux submit -N1 --output=out bash -c 'ls -d /tmp/unet-*/flux-$(flux job id --to=dec $FLUX_JOB_ID) 2>/dev/null; echo done')
      ${SAY_JOB}; ${WAIT}; cat out`);
    expect(output).toMatch(/^done$/m);
    expect(output).not.toContain('/tmp/unet-');
    expect(output).not.toContain('prolog');
    expect(left).toEqual([]);
  });

  it('a job that is cancelled during the bring-up leaves nothing', async () => {
    const { left } = await inSystem(`
      id=$(flux submit -N3 $ASK sleep 60)
      ${SAY_JOB}; flux job wait-event $id start > /dev/null; flux cancel $id; ${WAIT}`);
    expect(left).toEqual([]);
  });

  it('a supervisor that is killed leaves nothing but its logs', async () => {
    const { output, left } = await inSystem(`
      id=$(flux submit -N3 $ASK bash -c '[ $FLUX_TASK_RANK = 0 ] || exec sleep 60
        unet up; set -- $(unet attr supervisor); kill -9 $2; touch killed; exec sleep 60')
      ${SAY_JOB}; until [ -e killed ]; do sleep 0.2; done
      flux cancel $id; ${WAIT}; echo "kept: $(ls -m jobs/*)"`);
    expect(output).toMatch(/^kept: logs, state\.json$/m);
    expect(left).toHaveLength(1);
  });

  it('a unet that is broken neither fails the job nor drains a node', async () => {
    const { output } = await inSystem(
      `
      id=$(flux submit -N3 $ASK --output=out echo the job runs)
      ${SAY_JOB}; ${WAIT}; cat out
      echo "drained: $(flux resource status -no {nodelist} -s drain)"`,
      { broken: true },
    );
    expect(output).toContain('the job runs');
    expect(output).toContain('gets no cluster (exit code 1)');
    expect(output).toMatch(/^drained: $/m);
  });
});
