import { closeSync, openSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { startDetached } from '../../src/process/detached.ts';
import { childEnvironment } from '../../src/process/environment.ts';
import { startLines } from '../../src/process/start.ts';
import { isAlive, program, scratch, until } from './scratch.ts';

const env = childEnvironment(process.env);

describe('a child with a duplex of lines', () => {
  it('gets lines and gives lines, until its input ends', async () => {
    const lines: string[] = [];
    const errors: string[] = [];
    const child = startLines(['sh', '-c', 'while read -r l; do echo "got $l"; done; echo bye >&2; exit 5'], {
      env,
      onLine: (line) => lines.push(line),
      onErrorLine: (line) => errors.push(line),
    });
    expect(child.send('a')).toBe(true);
    child.send('b');
    child.endInput();
    expect(await child.ended).toMatchObject({ reason: 'exited with 5', exitCode: 5 });
    expect(lines).toEqual(['got a', 'got b']);
    expect(errors).toEqual(['bye']);
    expect(child.send('c')).toBe(false);
  });

  it('that cannot be started says so, and takes what is sent to it', async () => {
    const child = startLines(['unet-no-such-tool'], { env, onLine: () => {}, onErrorLine: () => {} });
    child.send('hello');
    expect(await child.ended).toMatchObject({
      startError: 'ENOENT',
      reason: 'could not be started (ENOENT)',
    });
  });

  it('that closes its input is no error', async () => {
    const lines: string[] = [];
    const child = startLines(['sh', '-c', 'exec <&-; echo closed; while :; do sleep 0.05; done'], {
      env,
      onLine: (line) => lines.push(line),
      onErrorLine: () => {},
    });
    await until(() => lines.includes('closed'));
    await until(() => !child.send('x'.repeat(1000)));
    await child.terminate(1000);
    expect((await child.ended).reason).toBe('was ended by SIGTERM');
  });

  it('is ended with its whole group', async () => {
    const directory = scratch();
    const path = program(directory, 'parent', `#!/bin/sh\n(trap '' TERM; exec sleep 600) &\necho $!\nwait\n`);
    const lines: string[] = [];
    const child = startLines([path], { env, onLine: (line) => lines.push(line), onErrorLine: () => {} });
    const grandchild = Number(await until(() => lines[0]));
    await child.terminate(50);
    expect(isAlive(grandchild)).toBe(false);
    await child.ended;
  });
});

describe('a detached child', () => {
  it('writes into its log and is in a session of its own', async () => {
    const directory = scratch();
    const log = join(directory, 'log');
    const fd = openSync(log, 'a', 0o600);
    const pid = await startDetached(['sh', '-c', 'cat /proc/$$/stat'], { env, cwd: directory, logFd: fd });
    closeSync(fd);
    const [own, , , , group, session] = await until(() => {
      const words = readFileSync(log, 'utf8').split(' ');
      return words.length > 5 && words;
    });
    expect([own, group, session]).toEqual([pid, pid, pid].map(String));
  });

  it('that cannot be started is an error', async () => {
    const directory = scratch();
    const fd = openSync(join(directory, 'log'), 'a', 0o600);
    await expect(startDetached(['unet-no-such-tool'], { env, cwd: directory, logFd: fd })).rejects.toThrow(
      'ENOENT',
    );
    closeSync(fd);
  });
});
