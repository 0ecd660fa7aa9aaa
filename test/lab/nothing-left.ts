/** The proof after each scenario: no process, file or directory of a job is left on any host. */
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'vitest';
import { waitFor } from './lab/deadline.ts';
import type { Lab } from './lab/index.ts';

/** Waits up to `timeoutMs` for the last of them, then says what is there. Logs of failed jobs stay in the home. */
export async function expectNothingLeft(
  lab: Lab,
  { timeoutMs = 20_000, keptLogs = false } = {},
): Promise<void> {
  const left = () => leftovers(lab, keptLogs);
  await waitFor('nothing to be left', async () => ((await left()).length === 0 ? true : undefined), {
    timeoutMs,
    everyMs: 200,
  }).catch(() => {});
  expect(await left()).toEqual([]);
}

async function leftovers(lab: Lab, keptLogs: boolean): Promise<string[]> {
  const onHosts = await Promise.all(
    [...lab.hosts, lab.login].map(async (host) => {
      const processes = lab
        .processes(host, { user: lab.user.name })
        .map(({ pid, command }) => `${host}: process ${pid} ${command}`);
      const files = (await lab.files(host)).map((path) => `${host}: ${path}`);
      return [...processes, ...files];
    }),
  );
  const jobs = join(lab.user.home, '.local/state/unet/jobs');
  const shared = (await readdir(jobs, { recursive: true }).catch(() => [])).map((path) => `home: ${path}`);
  // With no job left but failed ones, their directories remain.
  const secrets = shared.filter((path) => /\/(kubeconfig|join|nonce|release\.tar)$/.test(path));
  return [...onHosts.flat(), ...(keptLogs ? secrets : shared)];
}
