/** Signals that a scheduler or a script sends to a job's own programs. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { isAlive, program, until } from '../process/scratch.ts';
import { Cluster } from './cluster.ts';

const IGNORED = ['SIGUSR1', 'SIGUSR2', 'SIGQUIT', 'SIGXCPU', 'SIGPWR', 'SIGIO', 'SIGVTALRM'] as const;

/** Whether the process `pid` listens on Node's debugger port; proc(5), net/tcp: state 0A, port in hexadecimal. */
function hasDebugger(pid: number): boolean {
  const tables = ['tcp', 'tcp6'].map((name) => readFileSync(`/proc/${pid}/net/${name}`, 'utf8'));
  return tables.some((table) => /:240D [0-9A-F]+:0000 0A /.test(table));
}

describe('a signal for the workload', () => {
  it('neither ends a resident process nor opens its debugger', async () => {
    const cluster = new Cluster();
    const up = await cluster.unet('up');
    expect(up.code, up.stderr).toBe(0);
    const residents = [...cluster.residents('supervisor'), ...cluster.residents('agent')];
    expect(residents.length).toBeGreaterThanOrEqual(3);
    for (const name of IGNORED) {
      for (const pid of residents) {
        process.kill(pid, name);
      }
    }
    // Whoever answers has handled its signals.
    const status = await cluster.unet('status', '--json');
    expect(JSON.parse(status.stdout)).toMatchObject({ phase: 'usable' });
    expect(residents.filter((pid) => !isAlive(pid))).toEqual([]);
    expect(residents.filter(hasDebugger)).toEqual([]);
    expect((await cluster.unet('down')).code).toBe(0);
    await cluster.quiet();
    expect(cluster.left()).toEqual([]);
  });

  it('reaches the command of unet run, whose end takes the cluster down', async () => {
    const cluster = new Cluster();
    const got = join(cluster.directory, 'got');
    const command = program(
      cluster.directory,
      'work',
      `#!/bin/sh
for name in USR1 USR2 QUIT; do trap "echo $name >>${got}" $name; done
trap 'echo ready >>${got}' TERM
kill -TERM $$
while [ "$(grep -c . ${got})" -lt 4 ]; do sleep 0.05; done
exit 9
`,
    );
    const { child, ended } = cluster.start('run', '--', command);
    const lines = () => {
      try {
        return readFileSync(got, 'utf8').trim().split('\n');
      } catch {
        return [];
      }
    };
    for (const [index, name] of (['SIGUSR1', 'SIGUSR2', 'SIGQUIT'] as const).entries()) {
      await until(() => lines().length > index);
      child.kill(name);
    }
    const { code, stderr } = await ended;
    expect(code, stderr).toBe(9);
    expect(lines()).toEqual(['ready', 'USR1', 'USR2', 'QUIT']);
    await cluster.quiet();
    expect(cluster.left()).toEqual([]);
  });

  it('during the bring-up of unet run is no reason to end it', async () => {
    const cluster = new Cluster();
    const { child, ended } = cluster.start('run', '--', 'true');
    await until(() => cluster.residents('agent').length > 0);
    for (const name of IGNORED) {
      child.kill(name);
    }
    const { code, stderr } = await ended;
    expect(code, stderr).toBe(0);
    await cluster.quiet();
    expect(cluster.left()).toEqual([]);
  });
});
