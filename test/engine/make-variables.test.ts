import { readFile, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { tryMake } from '../../src/engine/make.ts';
import { withMakeVariables, withoutMakeVariables } from '../../src/engine/make-variables.ts';
import { scratch } from '../process/scratch.ts';

const env = { PATH: process.env.PATH ?? '', HOME: '/' };

async function release(files: Record<string, string>): Promise<string> {
  const directory = scratch();
  for (const [name, text] of Object.entries(files)) {
    await writeFile(join(directory, name), text);
  }
  return directory;
}

/** Every program that a variable runs leaves a line in `runs`. */
const computed = (name: string, value: string) =>
  `export ${name} ?= $(shell echo ${name} >>runs; echo ${value})`;
const options = (directory: string) => ({ directory, env, timeoutMs: 20_000 });

describe('the exported variables of a Makefile', () => {
  it('get the values that the Makefile computes, also from each other, in an include and over two lines', async () => {
    const directory = await release({
      Makefile: `-include more.mk\nexport PORT ?= 2379\n${computed('A', 'one')}\nexport B ?= $(shell echo \\\n  $(A)-two)\nall:\n`,
      'more.mk': ['C ?= $', '{shell echo three}\nexport C\nPRIVATE ?= $(shell echo no)\n'].join(''),
    });
    expect(await withMakeVariables(options(directory))).toEqual({
      ...env,
      HOSTNAME: hostname(),
      A: 'one',
      B: 'one-two',
      C: 'three',
    });
  });

  it('are not computed where the environment has a value, be it empty', async () => {
    const directory = await release({ Makefile: `${computed('A', 'one')}\n${computed('B', 'two')}\nall:\n` });
    const given = { ...env, A: 'mine', B: '' };
    expect(await withMakeVariables({ ...options(directory), env: given })).toMatchObject({
      A: 'mine',
      B: '',
    });
    await expect(readFile(join(directory, 'runs'))).rejects.toMatchObject({ code: 'ENOENT' });
  });

  it('are left empty for a look that runs nothing', async () => {
    const directory = await release({ Makefile: `${computed('A', 'one')}\nexport P ?= 1\nall:\n` });
    expect(await withoutMakeVariables(directory, { B: 'x' })).toEqual({ A: '', B: 'x' });
  });

  it('run their programs a handful of times in a target, not n! times', async () => {
    const names = ['A', 'B', 'C', 'D', 'E', 'F', 'G'];
    const directory = await release({
      Makefile: `${names.map((name) => computed(name, name)).join('\n')}\nNOW := $(A)\nall:\n\t@echo $(NOW) $(G)\n\t@echo again\n`,
    });
    const result = await tryMake('all', { stage: directory, env, timeoutMs: 20_000 });
    expect(result).toMatchObject({ exitCode: 0, stdout: expect.stringContaining('A G\nagain') });
    const runs = (await readFile(join(directory, 'runs'), 'utf8')).trim().split('\n');
    expect(runs.length).toBeLessThanOrEqual(10 * names.length);
  });

  it('that make cannot compute are an error with what make said', async () => {
    const directory = await release({ Makefile: 'export A ?= $(shell echo a)\n$(error broken here)\n' });
    await expect(withMakeVariables(options(directory))).rejects.toMatchObject({
      code: 'UNET_RELEASE_INVALID',
      details: { tail: expect.arrayContaining([expect.stringContaining('broken here')]) },
    });
  });
});
