import { existsSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { childEnvironment } from '../../src/process/environment.ts';
import { pipe, pipeInto } from '../../src/process/pipe.ts';
import { processesOf, program, scratch, until } from './scratch.ts';

const env = childEnvironment(process.env);
const options = { env, timeoutMs: 20_000 };

async function text(stream: AsyncIterable<Buffer>): Promise<string> {
  let all = '';
  for await (const chunk of stream) {
    all += chunk;
  }
  return all;
}

async function* words(...all: string[]) {
  for (const word of all) {
    yield Buffer.from(word);
  }
}

describe('pipe', () => {
  it('gives a child its input and yields its output', async () => {
    expect(await text(pipe(['tr', 'a-z', 'A-Z'], { ...options, input: words('one ', 'two') }))).toBe(
      'ONE TWO',
    );
  });

  it('of a child that fails says why', async () => {
    const failing = pipe(['sh', '-c', 'echo some; echo it broke >&2; exit 3'], options);
    await expect(text(failing)).rejects.toMatchObject({
      code: 'UNET_STEP_FAILED',
      message: 'sh exited with 3',
      details: { tail: ['it broke'] },
    });
  });

  it('of a child that reads no input has its exit code, not the broken pipe', async () => {
    const endless = async function* () {
      for (;;) {
        yield Buffer.alloc(100_000);
      }
    };
    await expect(pipeInto(['sh', '-c', 'exit 4'], { ...options, input: endless() })).rejects.toThrow(
      'exited with 4',
    );
  });

  it('whose input fails ends the child before that sees an end', async () => {
    const directory = scratch();
    const child = program(directory, 'reader', '#!/bin/sh\ncat >/dev/null\necho complete > "$0.done"\n');
    const failing = async function* () {
      yield Buffer.from('half');
      throw new Error('damaged');
    };
    await expect(pipeInto([child], { ...options, input: failing() })).rejects.toThrow('damaged');
    expect(processesOf(directory)).toEqual([]);
    expect(existsSync(`${child}.done`)).toBe(false);
  });

  it('that is left early ends the child and its children', async () => {
    const directory = scratch();
    const child = program(directory, 'talker', '#!/bin/sh\n(while :; do echo line; done) &\nwait\n');
    for await (const chunk of pipe([child], options)) {
      expect(String(chunk)).toContain('line');
      break;
    }
    await until(() => processesOf(directory).length === 0);
  });

  it('ends on abort and on time-out', async () => {
    const aborting = new AbortController();
    const aborted = pipeInto(['sleep', '600'], { ...options, signal: aborting.signal });
    aborting.abort(new Error('enough'));
    await expect(aborted).rejects.toThrow('enough');
    await expect(pipeInto(['sleep', '600'], { env, timeoutMs: 50 })).rejects.toMatchObject({
      code: 'UNET_STEP_TIMEOUT',
    });
  });

  it('says that a program is missing', async () => {
    await expect(text(pipe(['no-such-program'], options))).rejects.toMatchObject({
      code: 'UNET_TOOL_MISSING',
    });
  });
});
