import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { childEnvironment } from '../../src/process/environment.ts';
import { lastLines, type RunOptions, run, runOk } from '../../src/process/run.ts';
import { isAlive, program, scratch, until } from './scratch.ts';

const LONG_MS = 60_000;
const env = childEnvironment(process.env);

function sh(script: string, options: Partial<RunOptions> = {}) {
  return run(['sh', '-c', script], { env, timeoutMs: LONG_MS, ...options });
}

/** A shell that leaves its pid and that of a grandchild which ignores SIGTERM, and waits. */
function family(directory: string): { script: string; pids: () => number[] | undefined } {
  const file = join(directory, 'pids');
  return {
    script: `(trap '' TERM; echo $$ > ${file}.own; exec sleep 600) >/dev/null 2>&1 & echo $$ $! > ${file}.new; mv ${file}.new ${file}; wait`,
    pids: () => (existsSync(file) ? readFileSync(file, 'utf8').trim().split(' ').map(Number) : undefined),
  };
}

describe('running a program', () => {
  it('gives its output and exit code, and each line as it comes', async () => {
    const lines: string[] = [];
    const result = await sh('echo one; echo two >&2; printf three; exit 3', {
      onLine: (line, stream) => lines.push(`${stream} ${line}`),
    });
    expect(result).toMatchObject({ stdout: 'one\nthree', stderr: 'two\n', exitCode: 3, timedOut: false });
    expect(lines.sort()).toEqual(['stderr two', 'stdout one', 'stdout three']);
  });

  it('gives it the input that was asked for, and none otherwise', async () => {
    expect((await sh('cat', { input: 'hello' })).stdout).toBe('hello');
    expect((await sh('cat')).stdout).toBe('');
  });

  it('keeps characters whole that come in pieces', async () => {
    const result = await sh(`printf '\\303'; sleep 0.05; printf '\\244\\n'`);
    expect(result.stdout).toBe('ä\n');
  });

  it('leaves no grandchild after a time-out, not even one that ignores SIGTERM', async () => {
    const { script, pids } = family(scratch());
    // The grandchild does not hold our pipes, so only its group tells that it is there.
    const result = await sh(script, { timeoutMs: 500, graceMs: 100 });
    expect(result.timedOut).toBe(true);
    expect(pids()?.filter(isAlive)).toEqual([]);
  });

  it('leaves no grandchild after an abort', async () => {
    const { script, pids } = family(scratch());
    const abort = new AbortController();
    const running = sh(script, { signal: abort.signal, graceMs: 100 });
    const started = await until(pids);
    expect(started.every(isAlive)).toBe(true);
    abort.abort();
    expect((await running).aborted).toBe(true);
    expect(started.filter(isAlive)).toEqual([]);
  });

  it('does not start at all when it is aborted before', async () => {
    const marker = join(scratch(), 'started');
    await expect(sh(`touch ${marker}`, { signal: AbortSignal.abort(new Error('no more')) })).rejects.toThrow(
      'no more',
    );
    expect(existsSync(marker)).toBe(false);
  });

  it('ends with its program although a grandchild keeps the pipe', async () => {
    const file = join(scratch(), 'pid');
    const result = await sh(`sleep 600 & echo $! > ${file}; echo done`);
    const pid = Number(readFileSync(file, 'utf8'));
    expect(result).toMatchObject({ exitCode: 0, stdout: 'done\n' });
    // It is no time-out and no abort: what a make target leaves running on purpose stays.
    expect(isAlive(pid)).toBe(true);
    process.kill(pid, 'SIGKILL');
  });

  it('keeps the end of an output that is too long, where the reason stands', async () => {
    const result = await sh(`head -c 20000000 /dev/zero | tr '\\0' x; echo; echo the reason`);
    expect(result.stdout.length).toBeLessThanOrEqual(4 * 1024 * 1024);
    expect(result.stdout.endsWith('the reason\n')).toBe(true);
  });

  it('hands a line without an end on in parts', async () => {
    const lengths: number[] = [];
    await sh(`head -c 1000000 /dev/zero | tr '\\0' x`, { onLine: (line) => lengths.push(line.length) });
    expect(Math.max(...lengths)).toBeLessThan(300_000);
    expect(lengths.reduce((sum, length) => sum + length, 0)).toBe(1_000_000);
  });

  it('says which program is missing or cannot be executed', async () => {
    await expect(run(['unet-no-such-tool'], { env, timeoutMs: LONG_MS })).rejects.toMatchObject({
      code: 'UNET_TOOL_MISSING',
      message: 'unet-no-such-tool was not found on PATH',
      fatal: true,
    });
    await expect(run(['/etc/passwd'], { env, timeoutMs: LONG_MS })).rejects.toMatchObject({
      code: 'UNET_TOOL_MISSING',
      message: '/etc/passwd is not executable',
    });
  });

  it('does not blame the program for a directory that is gone', async () => {
    await expect(sh('true', { cwd: '/no/such/directory' })).rejects.toThrow(
      'its directory /no/such/directory is gone',
    );
  });

  it('has nothing in its environment but what it is given', async () => {
    const directory = scratch();
    const path = program(directory, 'show', '#!/bin/sh\nexec env\n');
    const { stdout } = await run([path], { env: { ONLY: 'this' }, timeoutMs: LONG_MS });
    // PWD, SHLVL and _ are the shell's own.
    expect(stdout.split('\n').filter((line) => line !== '' && !/^(PWD|SHLVL|_|OLDPWD)=/.test(line))).toEqual([
      'ONLY=this',
    ]);
  });
});

describe('a program that must succeed', () => {
  it('fails with command, exit code and the last lines', async () => {
    await expect(
      runOk(['sh', '-c', 'for i in 1 2 3; do echo line $i >&2; done; exit 4'], { env, timeoutMs: LONG_MS }),
    ).rejects.toMatchObject({
      code: 'UNET_STEP_FAILED',
      message: 'sh exited with 4',
      details: { tail: ['line 1', 'line 2', 'line 3'] },
    });
  });

  it('says how it was ended', async () => {
    await expect(runOk(['sh', '-c', 'kill -9 $$'], { env, timeoutMs: LONG_MS })).rejects.toThrow(
      'sh was ended by SIGKILL',
    );
    await expect(runOk(['sleep', '600'], { env, timeoutMs: 100 })).rejects.toThrow(
      'sleep took longer than 0.1 s',
    );
  });
});

describe('the last lines of an output', () => {
  it('are without colours, carriage returns, blank lines and secrets', () => {
    expect(lastLines('10%\r100%\r\n\n\u001b[31mvyndqi.xb2dq6qyi3l0sxqp\u001b[0m  \n')).toEqual([
      '10%',
      '100%',
      'vyndqi.[secret]',
    ]);
  });

  it('are of a length for people', () => {
    expect(lastLines('x'.repeat(100_000))[0]?.length).toBeLessThan(600);
  });
});
