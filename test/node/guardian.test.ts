import { spawn } from 'node:child_process';
import { once } from 'node:events';
import type { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { until } from '../process/scratch.ts';
import { Cluster } from '../session/cluster.ts';

/** All that runs for the cluster but its nodes and their guardians. */
function killResidents(cluster: Cluster, ...roles: ('supervisor' | 'agent')[]): void {
  for (const pid of roles.flatMap((role) => cluster.residents(role))) {
    process.kill(pid, 'SIGKILL');
  }
}

describe('the guardian of a node', () => {
  it('cleans its node when agents and supervisor are killed at once, and ends', async () => {
    const cluster = new Cluster();
    const up = await cluster.unet('up');
    expect(up.code, up.stderr).toBe(0);
    killResidents(cluster, 'agent', 'supervisor');
    await cluster.quiet();
    expect(cluster.left().filter((path) => path.startsWith('node/'))).toEqual([]);
    const secrets = cluster
      .left()
      .filter((path) => !path.includes('/logs') && /kubeconfig|\/join|nonce|release/.test(path));
    expect(secrets).toEqual([]);
    expect(cluster.state()?.phase).toBe('stopped');
  });

  it('cleans during the bring-up, and the next one works', async () => {
    const cluster = new Cluster({ UNET_REHEARSAL: 'init:delay=60s' });
    const { child, ended } = cluster.start('up');
    await until(
      () =>
        cluster.residents('agent').length === 2 &&
        cluster.left().some((path) => path.endsWith('/release/Makefile')),
    );
    child.kill('SIGKILL');
    await ended;
    killResidents(cluster, 'supervisor', 'agent');
    await cluster.quiet();
    expect(cluster.left().filter((path) => path.startsWith('node/'))).toEqual([]);
    cluster.env.UNET_REHEARSAL = '';
    const up = await cluster.unet('up');
    expect(up.code, up.stderr).toBe(0);
    expect((await cluster.unet('down')).code).toBe(0);
    await cluster.quiet();
    expect(cluster.left()).toEqual([]);
  });

  it('does nothing after an orderly end', async () => {
    const cluster = new Cluster();
    expect((await cluster.unet('up')).code).toBe(0);
    expect((await cluster.unet('down')).code).toBe(0);
    await cluster.quiet();
    expect(cluster.left()).toEqual([]);
  });

  it('holds none of the descriptors that unet up was given, such as the PMI socket of a task', async () => {
    const cluster = new Cluster();
    // Node lets the first descriptors go by itself.
    const script = 'exec 40>&3 3>&-; exec "$0" "$@"';
    const unet = fileURLToPath(new URL('../../bin/unet.js', import.meta.url));
    const child = spawn('bash', ['-c', script, process.execPath, unet, 'up'], {
      env: cluster.env,
      cwd: cluster.directory,
      stdio: ['ignore', 'ignore', 'ignore', 'pipe'],
    });
    const pmi = child.stdio[3] as Readable;
    pmi.resume();
    const released = once(pmi, 'end');
    const [code] = await once(child, 'exit');
    expect(code).toBe(0);
    await released;
    expect(cluster.residents('agent')).toHaveLength(2);
    await cluster.unet('down');
    await cluster.quiet();
  });
});
