import { spawn } from 'node:child_process';
import { once, setMaxListeners } from 'node:events';
import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { type Claim, claim, LostClaim } from '../../src/cache/claim.ts';
import { type ClaimNote, parseNote, readNote, writeNote } from '../../src/cache/claim-note.ts';
import { UnetError } from '../../src/errors.ts';
import { ownIdentity } from '../../src/process/identity.ts';
import { place } from '../files/place.ts';

const never = new AbortController().signal;
setMaxListeners(0, never);
const FAST = { signal: never, beatMs: 20, deadMs: 300, pollMs: 10 };
// So long that a test which waited for it would fail.
const PATIENT = { ...FAST, deadMs: 600_000 };

/** What is wanted, and who has made it. */
async function wanted() {
  const directory = join(await place(), 'claims');
  const makers: number[] = [];
  let found: string | undefined;
  return {
    directory,
    makers,
    look: async () => found,
    make: async (who: number) => {
      makers.push(who);
      found = `made by ${who}`;
    },
  };
}

async function held(directory: string, options = FAST): Promise<Claim> {
  const got = await claim(directory, async () => undefined, options);
  if (!('claim' in got)) {
    throw new Error('it was not claimed');
  }
  return got.claim;
}

/** A holder as another machine would leave it. */
async function foreign(directory: string, number: number, changes: Partial<ClaimNote> = {}): Promise<void> {
  const own = join(directory, String(number));
  await mkdir(own, { recursive: true });
  const process = { boot: 'elsewhere', namespace: 'pid:[1]', pid: 1, start: '1' };
  await writeNote(own, { state: 'held', host: 'elsewhere', process, beat: 7, ...changes });
}

/** One that has to wait: when it does, and what it gets or fails with. */
function waiter(directory: string, look: () => Promise<string | undefined>) {
  let result: Promise<unknown> = Promise.resolve();
  const waits = new Promise<void>((resolve) => {
    result = claim(directory, look, { ...PATIENT, onWait: () => resolve() }).catch((error: unknown) => error);
  });
  return { waits, result };
}

/** A process that has ended. */
async function deadProcess(): Promise<number> {
  const child = spawn('true');
  await once(child, 'exit');
  return child.pid ?? 0;
}

describe('of all who claim at the same time', () => {
  test('one gets it, the others what that one made', async () => {
    const { directory, makers, look, make } = await wanted();
    const results = await Promise.all(
      Array.from({ length: 20 }, async (_, who) => {
        const got = await claim(directory, look, PATIENT);
        if ('found' in got) {
          return got.found;
        }
        await make(who);
        await got.claim.done();
        return look();
      }),
    );
    expect(makers).toHaveLength(1);
    expect(new Set(results)).toEqual(new Set([`made by ${makers[0]}`]));
    await expect(readdir(directory)).rejects.toMatchObject({ code: 'ENOENT' });
  });

  test('one takes over from a holder on another machine whose note has stopped changing', async () => {
    const { directory, makers, look, make } = await wanted();
    await foreign(directory, 3);
    await Promise.all(
      Array.from({ length: 10 }, async (_, who) => {
        const got = await claim(directory, look, FAST);
        if ('claim' in got) {
          await make(who);
          await got.claim.done();
        }
      }),
    );
    expect(makers).toHaveLength(1);
  });
});

describe('a holder', () => {
  test('that lives is waited for, however long it takes', async () => {
    const { directory, makers, look, make } = await wanted();
    const holder = await held(directory);
    const heard: string[] = [];
    const waiting = claim(directory, look, { ...FAST, onWait: (host) => heard.push(host) });
    // Longer than the dead are silent: its beats are what keeps it.
    const before = parseNote(await readNote(join(directory, '1')))?.beat ?? 0;
    await expect
      .poll(async () => parseNote(await readNote(join(directory, '1')))?.beat)
      .toBeGreaterThan(before + FAST.deadMs / FAST.beatMs + 5);
    expect(heard).toHaveLength(1);
    await make(1);
    await holder.done();
    expect(await waiting).toEqual({ found: 'made by 1' });
    expect(makers).toEqual([1]);
  });

  test('that was killed on this machine is followed at once', async () => {
    const { directory, look } = await wanted();
    const pid = await deadProcess();
    await foreign(directory, 1, { process: { ...ownIdentity(), pid } });
    expect('claim' in (await claim(directory, look, PATIENT))).toBe(true);
  });

  test('whose number another process has now is followed at once', async () => {
    const { directory, look } = await wanted();
    await foreign(directory, 1, { process: { ...ownIdentity(), start: '1' } });
    expect('claim' in (await claim(directory, look, PATIENT))).toBe(true);
  });

  test('that was killed before it could say who it is is followed', async () => {
    const { directory, look } = await wanted();
    await mkdir(join(directory, '1'), { recursive: true });
    expect('claim' in (await claim(directory, look, FAST))).toBe(true);
    expect(await readdir(directory)).toEqual(['1', '2']);
  });

  test('that was taken for dead notices, and stops', async () => {
    const { directory } = await wanted();
    const slow = await held(directory);
    await slow.check();
    await foreign(directory, 2);
    await expect(slow.check()).rejects.toBeInstanceOf(LostClaim);
    await expect.poll(() => slow.lost.aborted).toBe(true);
    expect(slow.lost.reason).toBeInstanceOf(LostClaim);
  });

  test('whose directory was removed notices, too', async () => {
    const { directory } = await wanted();
    const slow = await held(directory);
    await rm(directory, { recursive: true });
    await expect.poll(() => slow.lost.aborted).toBe(true);
  });

  test('that fails gives its error to those who waited, and lets a newcomer try', async () => {
    const { directory, look } = await wanted();
    const holder = await held(directory);
    const { waits, result } = waiter(directory, look);
    await waits;
    const text = `it “could” not\n${'be fetched '.repeat(200)}`;
    await holder.release(new UnetError('UNET_RELEASE_FETCH', text, { remedy: 'check the URL' }));
    expect(await result).toMatchObject({
      code: 'UNET_RELEASE_FETCH',
      message: expect.stringMatching(/^it \?could\? not\?be fetched/),
      details: { remedy: 'check the URL' },
    });
    expect('claim' in (await claim(directory, look, PATIENT))).toBe(true);
  });

  test('that was interrupted lets one of those who waited try', async () => {
    const { directory, look } = await wanted();
    const holder = await held(directory);
    const { waits, result } = waiter(directory, look);
    await waits;
    await holder.release();
    expect(await result).toHaveProperty('claim');
    expect(await readdir(directory)).toEqual(['1', '2']);
  });
});

test('who claims after all is done finds it, and does it no second time', async () => {
  const { directory, look, make } = await wanted();
  let looks = 0;
  // It is made between the first look and the claim.
  const late = async () => {
    looks += 1;
    if (looks === 2) {
      await make(1);
    }
    return look();
  };
  expect(await claim(directory, late, PATIENT)).toEqual({ found: 'made by 1' });
});

test('a note always has the same length, whatever it says', async () => {
  const { directory } = await wanted();
  const holder = await held(directory);
  const length = (await readFile(join(directory, '1', 'holder'))).length;
  await holder.release(new UnetError('UNET_RELEASE_FETCH', '"'.repeat(2000)));
  expect((await readFile(join(directory, '1', 'holder'))).length).toBe(length);
});

test('who waits can be interrupted', async () => {
  const { directory, look } = await wanted();
  await foreign(directory, 1);
  const controller = new AbortController();
  const waiting = claim(directory, look, {
    ...PATIENT,
    signal: controller.signal,
    onWait: () => controller.abort(new Error('enough')),
  });
  await expect(waiting).rejects.toThrow('enough');
});

test('a directory that cannot be written is an error, not a wait', async () => {
  const directory = await place();
  await writeFile(join(directory, 'file'), '');
  await expect(claim(join(directory, 'file', 'x'), async () => undefined, PATIENT)).rejects.toMatchObject({
    code: 'ENOTDIR',
  });
});
