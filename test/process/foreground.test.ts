import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { runForeground } from '../../src/process/foreground.ts';
import { ORIGINAL_UMASK } from '../../src/process/umask.ts';
import { isAlive, program, scratch, until } from './scratch.ts';

const never = new AbortController().signal;

function foreground(command: string[], cwd: string, signal = never): Promise<number> {
  return runForeground(command, { env: process.env, cwd, signal });
}

describe("the user's own command", () => {
  it('decides the exit code', async () => {
    expect(await foreground(['sh', '-c', 'exit 0'], '/')).toBe(0);
    expect(await foreground(['sh', '-c', 'exit 42'], '/')).toBe(42);
  });

  it('killed by a signal gives 128 and its number', async () => {
    expect(await foreground(['sh', '-c', 'kill -9 $$'], '/')).toBe(137);
    expect(await foreground(['sh', '-c', 'kill -TERM $$'], '/')).toBe(143);
  });

  it('that is not there gives 127, as in a shell', async () => {
    await expect(foreground(['unet-no-such-command'], '/')).rejects.toMatchObject({
      code: 'UNET_COMMAND_NOT_FOUND',
      exitCode: 127,
      message: 'unet-no-such-command: command not found',
    });
  });

  it('that cannot be executed gives 126', async () => {
    const directory = scratch();
    writeFileSync(join(directory, 'data'), 'x', { mode: 0o644 });
    await expect(foreground(['./data'], directory)).rejects.toMatchObject({ exitCode: 126 });
    await expect(foreground(['./data/x'], directory)).rejects.toMatchObject({ exitCode: 126 });
  });

  it("has the user's umask, and unet keeps its own, also when it cannot be started", async () => {
    const directory = scratch();
    expect(await foreground(['touch', 'file'], directory)).toBe(0);
    expect(statSync(join(directory, 'file')).mode & 0o777).toBe(0o666 & ~ORIGINAL_UMASK);
    writeFileSync(join(directory, 'data'), '');
    await foreground(['./data/x'], directory).catch(() => {});
    expect(process.umask()).toBe(0o077);
  });

  it('gets SIGTERM when unet is interrupted, and its exit code still counts', async () => {
    const directory = scratch();
    const path = program(
      directory,
      'work',
      `#!/bin/sh\ntrap 'exit 9' TERM\necho $$ > pid.new; mv pid.new pid\nwhile :; do sleep 0.05; done\n`,
    );
    const abort = new AbortController();
    const running = foreground([path], directory, abort.signal);
    const pid = Number(
      await until(() => existsSync(join(directory, 'pid')) && readFileSync(join(directory, 'pid'), 'utf8')),
    );
    abort.abort();
    expect(await running).toBe(9);
    expect(isAlive(pid)).toBe(false);
  });

  it('is not started after an interrupt', async () => {
    const directory = scratch();
    await expect(
      foreground(['touch', 'file'], directory, AbortSignal.abort(new Error('interrupted'))),
    ).rejects.toThrow('interrupted');
    expect(existsSync(join(directory, 'file'))).toBe(false);
  });
});
