import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import which from 'which';
import { ClusterManager } from '../../src/cluster/manager.ts';
import { connectNomad } from '../../src/cluster/nomad/connect.ts';
import { record, replay, type StandIn } from './nomad-recording.ts';
import { expectUnsupported, jobScenarios } from './scenarios.ts';

const program = which.sync('nomad', { nothrow: true });
if (program === null) console.log('skipped: Nomad itself (no nomad on PATH); its recorded answers stand in');

let manager: ClusterManager;
let agent: ChildProcess | undefined;
let standIn: StandIn | undefined;
const scratch = mkdtempSync(path.join(tmpdir(), 'unet-nomad-test-'));

beforeAll(async () => {
  const address = program === null ? undefined : await startAgent(program);
  // NOMAD_RECORD=1 with an agent writes fixtures/nomad anew.
  if (address === undefined) standIn = await replay();
  else if (process.env.NOMAD_RECORD === '1') standIn = await record(`http://${address}`);
  const endpoint = standIn?.endpoint ?? address;
  manager = new ClusterManager(await connectNomad({ endpoint, driver: 'raw_exec' }, { env: {} }));
});

beforeEach(({ task }) => standIn?.begin(task.name));

afterAll(async () => {
  await manager?.close();
  await standIn?.close();
  if (agent !== undefined) {
    const ended = once(agent, 'close');
    agent.kill('SIGINT');
    await ended;
  }
  rmSync(scratch, { recursive: true, force: true });
});

jobScenarios('Nomad', () => manager);

describe('on Nomad', () => {
  test('what only Kubernetes has is one clear error', async () => {
    expectUnsupported(() => manager.kubernetes);
    await expect(manager.defineQuota('demo', { cpu: '1' })).rejects.toMatchObject({ reason: 'Unsupported' });
    const job = manager.createJob('demo', 'x', { image: 'busybox', tolerations: [{ key: 'a' }] });
    await expect(job).rejects.toMatchObject({ reason: 'Unsupported' });
  });

  test('amounts that are none, and tokens over a connection that cannot be, are refused before anything is sent', async () => {
    const job = manager.createJob('demo', 'x', { image: 'busybox', cpuLimit: 'much' });
    await expect(job).rejects.toMatchObject({ reason: 'Invalid' });
    await expect(connectNomad({ http_scheme: 'http', ca: 'eA==' }, { env: {} })).rejects.toThrow(
      /base64 of a PEM/,
    );
    await expect(connectNomad({ tokn: 'x' } as never, { env: {} })).rejects.toThrow(/did you mean token/);
    await expect(connectNomad({ endpoint: '127.0.0.1:1' }, { env: {} })).rejects.toMatchObject({
      reason: 'Unreachable',
    });
  });
});

/** A server and a client in one process, on ports of its own; its tasks are plain processes. */
async function startAgent(file: string): Promise<string> {
  const first = 20_000 + (process.pid % 10_000);
  const config = path.join(scratch, 'agent.hcl');
  writeFileSync(
    config,
    `bind_addr = "127.0.0.1"
disable_update_check = true
ports { http = ${first} rpc = ${first + 1} serf = ${first + 2} }
plugin "raw_exec" { config { enabled = true } }
client { options { "driver.raw_exec.enable" = "1" } }
`,
  );
  agent = spawn(file, ['agent', '-dev', `-config=${config}`], {
    cwd: scratch,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  agent.stdout?.setEncoding('utf8');
  let said = '';
  for await (const chunk of agent.stdout as AsyncIterable<string>) {
    said += chunk;
    if (said.includes('node registration complete')) break;
    if (/failed|Error starting agent/.test(chunk) && agent.exitCode !== null) throw new Error(said);
  }
  agent.stdout?.resume();
  return `127.0.0.1:${first}`;
}
