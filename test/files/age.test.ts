import { readdirSync } from 'node:fs';
import { utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { ageOf } from '../../src/files/age.ts';
import { scratch } from '../process/scratch.ts';

describe('the age of a file', () => {
  it('is by the clock that stamped it, and nothing is left of asking', async () => {
    const directory = scratch();
    const path = join(directory, 'state.json');
    await writeFile(path, '{}');
    const then = Date.now() / 1000 - 90;
    await utimes(path, then, then);
    expect(await ageOf(path)).toBeGreaterThan(89_000);
    expect(readdirSync(directory)).toEqual(['state.json']);
  });

  it('is unknown for what is not there', async () => {
    expect(await ageOf(join(scratch(), 'none', 'state.json'))).toBeUndefined();
    expect(await ageOf(join(scratch(), 'state.json'))).toBeUndefined();
  });
});
