import { mkdirSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { Settings } from '../../src/config/schema.ts';
import { writePrivateFile } from '../../src/files/private-file.ts';
import { jobPaths } from '../../src/job/layout.ts';
import { startOf } from '../../src/process/identity.ts';
import { watchLoss } from '../../src/session/watch-loss.ts';
import { stateOf } from '../flux/flux-job.ts';
import { scratch } from '../process/scratch.ts';

it('a supervisor that lives and does not renew its state is said to hang', async () => {
  const paths = jobPaths(join(scratch(), 'job'));
  mkdirSync(paths.directory, { mode: 0o700 });
  const self = {
    pid: process.pid,
    start: startOf(process.pid),
    host: hostname(),
    socket: '',
    alive: new Date().toISOString(),
  };
  await writePrivateFile(paths.state, JSON.stringify(stateOf('/x', { phase: 'usable', supervisor: self })));
  const allocation = { kind: 'local', jobId: 'local-hung', nodes: ['node-0'] };
  const settings = Settings.parse({ release: 'rehearsal', silence: '2s', heartbeat: '1s' });
  const job = { allocation, settings, paths, env: {}, cwd: '/', unet: '0' };
  const losses = [];
  for await (const loss of watchLoss(job, AbortSignal.timeout(60_000), 1000)) {
    losses.push(loss);
  }
  expect(losses).toEqual([
    { of: 'cluster', message: expect.stringMatching(/^the supervisor has not renewed the state for 2 s/) },
  ]);
});
