/** What the holder of a claim says of itself, again and again: that it changes is the sign that somebody lives. */
import { open, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import * as z from 'zod';
import { ERROR_CODES, type ErrorCode, type UnetError } from '../errors.ts';
import { ProcessIdentity } from '../process/identity.ts';

const ClaimNote = z.object({
  state: z.enum(['held', 'released']),
  host: z.string(),
  process: ProcessIdentity,
  beat: z.number(),
  error: z
    .object({
      code: z.enum(Object.keys(ERROR_CODES) as [ErrorCode, ...ErrorCode[]]),
      message: z.string(),
      remedy: z.string().optional(),
    })
    .optional(),
});
export type ClaimNote = z.infer<typeof ClaimNote>;

// The same length always: a client that has remembered the file's size still reads all of it (sshfs does for 20 s).
const NOTE_BYTES = 4096;
const NOTE_TEXT_CHARS = 500;
const NOTE = 'holder';

/** @throws the system error EEXIST when there is one. */
export async function writeNote(directory: string, note: ClaimNote): Promise<void> {
  await writeFile(join(directory, NOTE), padded(note), { mode: 0o600, flag: 'wx' });
}

/** In place, so that it is the same file for a client that has remembered which one that name is. */
export async function rewriteNote(directory: string, note: ClaimNote): Promise<void> {
  const file = await open(join(directory, NOTE), 'r+');
  try {
    await file.write(padded(note), 0);
  } finally {
    await file.close();
  }
}

/** As it is written; empty when there is none, or not yet. */
export async function readNote(directory: string): Promise<string> {
  return await readFile(join(directory, NOTE), 'utf8').catch(() => '');
}

/** Undefined for what is half written. */
export function parseNote(text: string): ClaimNote | undefined {
  try {
    return ClaimNote.safeParse(JSON.parse(text)).data;
  } catch {
    return undefined;
  }
}

/** The note with why its holder gives up, shortened so that it fits. */
export function withError(note: ClaimNote, error: UnetError | undefined): ClaimNote {
  if (error === undefined) {
    return note;
  }
  const short = (text: string) => text.replace(/[^\x20-\x7e]/g, '?').slice(0, NOTE_TEXT_CHARS);
  const { code, message } = error;
  const { remedy } = error.details;
  return {
    ...note,
    error: { code, message: short(message), ...(remedy === undefined ? {} : { remedy: short(remedy) }) },
  };
}

function padded(note: ClaimNote): string {
  return `${JSON.stringify(note)}\n`.padEnd(NOTE_BYTES);
}
