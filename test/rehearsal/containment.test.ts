import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, rmSync, statSync } from 'node:fs';
import { createServer } from 'node:net';
import path from 'node:path';
import { expect, test, vi } from 'vitest';
import { TIME_SCALE } from '../process/scratch.ts';
import { processesWith, RehearsedHost } from './rehearsed-host.ts';

test('the state is private, and down leaves no process and no state', async () => {
  const host = await RehearsedHost.create({ node: 'u7s-a' });
  await host.boot();
  expect(statSync(path.join(host.directory, '.rehearsal')).mode & 0o777).toBe(0o700);
  expect(statSync(path.join(host.directory, '.rehearsal/u7s')).mode & 0o777).toBe(0o700);
  const [pid = 0] = host.daemons();
  expect(readFileSync(`/proc/${pid}/cmdline`, 'utf8')).toMatch(/unet-rehearsal-node.*--project=u7s/);
  expect((await host.make('down')).code).toBe(0);
  expect(host.daemons()).toEqual([]);
  expect(() => statSync(path.join(host.directory, '.rehearsal'))).toThrow('ENOENT');
});

test('a node works from a directory whose name is longer than a socket address may be', async () => {
  const below = 'a-directory-with-a-long-name/'.repeat(8);
  const host = await RehearsedHost.create({ node: 'u7s-b', below });
  expect(host.directory.length).toBeGreaterThan(200);
  await host.boot();
  expect((await host.exec('hostname')).stdout).toBe('u7s-b\n');
  expect((await host.make('down-v')).code).toBe(0);
});

test('a node outlives its directory, and is found by down when the release is staged again', async () => {
  const host = await RehearsedHost.create({ node: 'u7s-c' });
  await host.boot();
  rmSync(path.join(host.directory, '.rehearsal'), { recursive: true });
  expect(host.daemons()).toHaveLength(1);
  expect((await host.make('down-v')).code).toBe(0);
  expect(host.daemons()).toEqual([]);
});

test('up fails as an engine does when a port is taken, and can be repeated', async () => {
  const host = await RehearsedHost.create({ node: 'u7s-d' });
  const squatter = createServer().listen(host.ports.kubelet, '0.0.0.0');
  await once(squatter, 'listening');
  const failed = await host.make('up');
  expect(failed.code).toBe(2);
  expect(failed.stderr).toContain(
    `rootlessport listen tcp 0.0.0.0:${host.ports.kubelet}: bind: address already in use`,
  );
  expect((await host.exec('ctr', 'version')).stderr).toContain('container state improper');
  squatter.close();
  expect((await host.make('up')).code).toBe(0);
  expect((await host.make('down-v')).code).toBe(0);
});

test('an exec without a node and an unknown command say what podman says', async () => {
  const host = await RehearsedHost.create({ node: 'u7s-e' });
  const none = await host.exec('ctr', 'version');
  expect(none).toMatchObject({ code: 125 });
  expect(none.stderr).toContain('no container with name or ID "u7s_node_1" found');
  await host.boot();
  const unknown = await host.exec('emacs');
  expect(unknown.code).toBe(127);
  expect(unknown.stderr).toContain('"emacs": executable file not found in $PATH');
  await host.make('down-v');
});

test('TERM to make ends a step that hangs, and leaves neither the client nor its shell', async () => {
  const host = await RehearsedHost.create({ node: 'u7s-f' });
  await host.boot();
  for (const [step, target] of [
    ['init', 'kubeadm-init'],
    ['join-command', 'join-command'],
  ]) {
    host.faults = `${step}:hang`;
    const { environment: env, directory } = host;
    const make = spawn('make', ['-C', directory, target ?? ''], { env, stdio: 'ignore' });
    const clients = () => processesWith((argv) => argv.includes(`${directory}/bin/../lib/compose.mjs`));
    await vi.waitFor(
      () =>
        expect(
          processesWith(
            (argv) =>
              argv.includes(directory) && argv.includes(`kubeadm\0${step === 'init' ? 'init' : 'token'}`),
          ),
        ).toHaveLength(1),
      10_000 * TIME_SCALE,
    );
    make.kill('SIGTERM');
    await once(make, 'close');
    await vi.waitFor(() => expect(clients()).toEqual([]), 10_000 * TIME_SCALE);
  }
  host.faults = '';
  await host.make('down-v');
});

test('make logs follows the node and ends with its reader', async () => {
  const host = await RehearsedHost.create({ node: 'u7s-g' });
  await host.boot();
  expect((await host.compose('logs')).stdout).toContain('containerd successfully booted');
  expect((await host.compose('ps')).stdout).toContain('running  u7s_node_1');
  expect((await host.compose('config')).stdout).toContain('hostname: u7s-g');
  await host.make('down-v');
});
