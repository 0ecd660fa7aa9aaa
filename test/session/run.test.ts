/** `unet run`: what it says and returns when its cluster is lost under the command. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { program, until } from '../process/scratch.ts';
import { Cluster } from './cluster.ts';

/** A command that says that it runs, and ends well when it is told to. */
function command(cluster: Cluster): { path: string; running: () => boolean; end: string } {
  const end = join(cluster.directory, 'end');
  const started = join(cluster.directory, 'started');
  const text = `#!/bin/sh\ntouch ${started}\nuntil [ -e ${end} ]; do sleep 0.05; done\n`;
  return { path: program(cluster.directory, 'work', text), running: () => existsSync(started), end };
}

function kill(pids: number[]): void {
  for (const pid of pids) {
    process.kill(pid, 'SIGKILL');
  }
}

describe('unet run, whose', () => {
  it.each([
    [
      'supervisor is killed',
      (cluster: Cluster) => kill(cluster.residents('supervisor')),
      /the cluster is gone: /,
      1,
    ],
    [
      'lead’s agent is killed',
      (cluster: Cluster) => kill(cluster.residents('agent', 'node-0')),
      /the cluster (has failed|is gone): /,
      1,
    ],
    [
      'worker is lost',
      (cluster: Cluster) => kill(cluster.residents('agent', 'node-1')),
      /node node-1 is lost/,
      5,
    ],
  ])('%s, says so at once and stops the command with --on-loss stop', async (_, fault, message, exitCode) => {
    const cluster = new Cluster();
    const { path, running } = command(cluster);
    const { ended } = cluster.start('run', '--on-loss', 'stop', '--', path);
    await until(running);
    fault(cluster);
    const { code, stderr } = await ended;
    expect(stderr).toMatch(message);
    expect(stderr).toMatch(/unet: the command exited with 143, after a loss: /);
    expect(code).toBe(143);
    expect(exitCode).toBeGreaterThan(0);
    await cluster.quiet();
  });

  it('cluster is taken down by another command lets its command go on, and exits with 1', async () => {
    const cluster = new Cluster();
    const { path, running, end } = command(cluster);
    const { child, ended } = cluster.start('run', '--', path);
    let stderr = '';
    child.stderr?.on('data', (chunk: Buffer) => {
      stderr += chunk;
    });
    await until(running);
    expect((await cluster.unet('down')).code).toBe(0);
    await until(() => /unet: warning: the cluster/.test(stderr));
    program(cluster.directory, 'end', '');
    expect(existsSync(end)).toBe(true);
    const { code } = await ended;
    expect(stderr).toMatch(/the command exited with 0, after a loss/);
    expect(code).toBe(1);
    await cluster.quiet();
    expect(cluster.left()).toEqual([]);
  });

  it('nodes do not suffice says that the command was not started', async () => {
    const cluster = new Cluster({ UNET_REHEARSAL: 'join@node-1:fail=always:mode=ca' });
    const { path, running } = command(cluster);
    const { code, stderr } = await cluster.unet('run', '--', path);
    expect(code).toBe(5);
    expect(stderr).toMatch(/unet: the command was not started: /);
    expect(running()).toBe(false);
    await cluster.quiet();
  });

  it('min-nodes are more than there are is refused before anything starts', async () => {
    const cluster = new Cluster({ UNET_NODES: undefined });
    const { code, stderr } = await cluster.unet('up', '--min-nodes', '3');
    expect(stderr).toMatch(/min-nodes is 3, and local-.* has one node/);
    expect(code).toBe(2);
    expect(cluster.left()).toEqual([]);
  });
});
