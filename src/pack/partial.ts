/** A pack that is being written: members one after the other, so that what is finished survives an interruption. */
import { createHash } from 'node:crypto';
import { constants } from 'node:fs';
import { type FileHandle, open, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { basename, dirname, resolve } from 'node:path';
import * as z from 'zod';
import { errnoOf, UnetError } from '../errors.ts';
import { pathError } from '../files/path-error.ts';
import { ownIdentity, ProcessIdentity, runsHere } from '../process/identity.ts';
import type { Bytes } from './compression.ts';
import { tallied } from './hashing.ts';
import { MANIFEST, MANIFEST_BYTES, PackManifest, PackMember, SEAL, SEAL_BYTES } from './manifest.ts';
import { BLOCK, END_BYTES, encodeHeader, entryBytes, padded } from './tar.ts';

/** What is known of a member before its bytes are, and what they are made of: the same key, the same content. */
export type MemberPlan = { path: string; key: string };

const Journal = z.object({
  version: z.literal(1),
  writer: ProcessIdentity,
  finished: z.array(z.object({ key: z.string(), member: PackMember })),
});
type Journal = z.infer<typeof Journal>;

const READABLE = 0o644;

export class PartialPack {
  private readonly file: FileHandle;
  private readonly destination: string;
  private readonly journal: Journal;
  /** Of the journal's members those that this run has come by. */
  private reached = 0;
  private end = entryBytes(MANIFEST_BYTES);

  private constructor(file: FileHandle, destination: string, journal: Journal) {
    this.file = file;
    this.destination = destination;
    this.journal = journal;
  }

  /**
   * Opens `DESTINATION.partial`, where an interrupted run has left it with what it had finished, else new.
   *
   * @throws UnetError UNET_USAGE when another process of this host is writing it, UNET_DIR_UNWRITABLE, UNET_DISK_FULL.
   */
  static async open(destination: string): Promise<PartialPack> {
    const absolute = resolve(destination);
    await refuseDirectory(absolute);
    const before = await readJournal(absolute);
    if (before !== undefined && before.writer.pid !== process.pid && runsHere(before.writer)) {
      throw new UnetError(
        'UNET_USAGE',
        `${absolute} is being written by another unet pack (pid ${before.writer.pid})`,
        {
          remedy: 'wait for it, or choose another file with -o',
        },
      );
    }
    const flags = constants.O_RDWR | constants.O_CREAT | constants.O_NOFOLLOW;
    const file = await open(partialName(absolute), flags, 0o600).catch((error: unknown) => {
      throw writeError(error, absolute);
    });
    const pack = new PartialPack(file, absolute, {
      version: 1,
      writer: ownIdentity(),
      finished: before?.finished ?? [],
    });
    await pack.saveJournal();
    return pack;
  }

  /** The member as an earlier run has finished it; undefined: it is to be written, and all behind it. */
  kept({ path, key }: MemberPlan): PackMember | undefined {
    const known = this.journal.finished[this.reached];
    if (known === undefined || known.key !== key || known.member.path !== path) {
      this.journal.finished.length = this.reached;
      return undefined;
    }
    this.reached += 1;
    this.end += entryBytes(known.member.bytes);
    return known.member;
  }

  /**
   * Writes a member at the end, and notes it as finished once it is on the disk.
   *
   * @param describe called when all is written; what it throws undoes the member.
   */
  async add(
    { path, key }: MemberPlan,
    content: Bytes,
    mode: number,
    describe: (stored: { bytes: number; sha256: string }) => PackMember,
  ): Promise<PackMember> {
    const start = this.end;
    try {
      await this.file.truncate(start);
      const { bytes, tally } = tallied(content);
      let at = start + BLOCK;
      for await (const chunk of bytes) {
        at += await this.write(chunk, at);
      }
      const stored = tally();
      const member = describe(stored);
      await this.write(Buffer.alloc(padded(stored.bytes) - stored.bytes), at);
      await this.write(encodeHeader(path, stored.bytes, mode), start);
      await this.file.datasync();
      this.end = start + entryBytes(stored.bytes);
      this.journal.finished.push({ key, member });
      this.reached += 1;
      await this.saveJournal();
      return member;
    } catch (error) {
      throw writeError(error, this.destination);
    }
  }

  /** Puts the manifest in front and the seal behind, and gives the pack its name. Resolves with its size. */
  async finish(manifest: PackManifest): Promise<number> {
    const text = encodeManifest(PackManifest.parse(manifest));
    const sum = createHash('sha256').update(text).digest('hex');
    try {
      await this.file.truncate(this.end);
      await this.write(encodeHeader(MANIFEST, MANIFEST_BYTES), 0);
      await this.write(text, BLOCK);
      const seal = Buffer.alloc(entryBytes(SEAL_BYTES) + END_BYTES);
      encodeHeader(SEAL, SEAL_BYTES).copy(seal);
      seal.write(`${sum}  ${MANIFEST}\n`, BLOCK);
      await this.write(seal, this.end);
      await this.file.chmod(READABLE);
      await this.file.sync();
      await this.file.close();
      await rename(partialName(this.destination), this.destination);
      await syncDirectory(dirname(this.destination));
      await rm(journalName(this.destination), { force: true });
      return this.end + seal.length;
    } catch (error) {
      throw writeError(error, this.destination);
    }
  }

  /** Lets go of the file; what is finished stays for a later run. */
  async close(): Promise<void> {
    await this.file.close().catch(() => {});
  }

  private async write(chunk: Uint8Array, at: number): Promise<number> {
    for (let done = 0; done < chunk.byteLength; ) {
      done += (await this.file.write(chunk, done, chunk.byteLength - done, at + done)).bytesWritten;
    }
    return chunk.byteLength;
  }

  private async saveJournal(): Promise<void> {
    const path = journalName(this.destination);
    try {
      await writeFile(`${path}.new`, JSON.stringify(this.journal), { flush: true });
      await rename(`${path}.new`, path);
    } catch (error) {
      await rm(`${path}.new`, { force: true });
      throw writeError(error, this.destination);
    }
  }
}

/** Where a pack grows until it is whole. */
export function partialName(destination: string): string {
  return `${destination}.partial`;
}

function journalName(destination: string): string {
  return `${destination}.partial.json`;
}

/** Filled up with blanks to the place that is kept for it. @throws UnetError UNET_USAGE when it does not fit. */
export function encodeManifest(manifest: PackManifest): Buffer {
  const text = Buffer.from(JSON.stringify(manifest, null, 2));
  if (text.length >= MANIFEST_BYTES) {
    throw new UnetError('UNET_USAGE', 'too many images for one pack: create two', { fatal: true });
  }
  const block = Buffer.alloc(MANIFEST_BYTES, ' ');
  text.copy(block);
  block.write('\n', MANIFEST_BYTES - 1);
  return block;
}

/** What cannot be read as one is none: its partial pack is begun again. */
async function readJournal(destination: string): Promise<Journal | undefined> {
  try {
    const journal = Journal.parse(JSON.parse(await readFile(journalName(destination), 'utf8')));
    const { size } = await stat(partialName(destination));
    const needed = journal.finished.reduce((sum, { member }) => sum + entryBytes(member.bytes), 0);
    return size >= entryBytes(MANIFEST_BYTES) + needed || journal.finished.length === 0 ? journal : undefined;
  } catch (error) {
    if (errnoOf(error) === 'ENOENT' || error instanceof SyntaxError || error instanceof z.ZodError) {
      return undefined;
    }
    throw error;
  }
}

async function refuseDirectory(path: string): Promise<void> {
  const stats = await stat(path).catch(() => undefined);
  if (stats?.isDirectory() === true) {
    throw new UnetError(
      'UNET_USAGE',
      `-o ${path} is a directory: name a file, such as ${path}/${basename(path)}.unetpack`,
    );
  }
}

async function syncDirectory(directory: string): Promise<void> {
  const handle = await open(directory, constants.O_RDONLY | constants.O_DIRECTORY).catch(() => undefined);
  await handle?.sync().catch(() => {});
  await handle?.close();
}

function writeError(error: unknown, path: string): unknown {
  const known = pathError(error, 'write', path);
  if (!UnetError.is(known) || known === error) {
    return known;
  }
  const { code, message, details } = known;
  const remedy =
    code === 'UNET_DISK_FULL'
      ? 'free space or quota there, or choose another file with -o; the same command continues where it stopped'
      : 'choose a file that you can write with -o';
  return new UnetError(code, message, { ...details, remedy });
}
