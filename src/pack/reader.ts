/** Reading a pack: what it says, whether it is whole, and each member by itself. */
import { createHash } from 'node:crypto';
import { constants, createReadStream } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { resolve } from 'node:path';
import { errnoOf, UnetError } from '../errors.ts';
import type { Environment } from '../process/environment.ts';
import { type Bytes, decompress } from './compression.ts';
import { damagedPack, invalidPack } from './errors.ts';
import { tallied } from './hashing.ts';
import {
  AnyManifest,
  MANIFEST,
  MANIFEST_BYTES,
  PACK_VERSION,
  PackManifest,
  type PackMember,
  SEAL,
  SEAL_BYTES,
} from './manifest.ts';
import { BLOCK, decodeHeader, END_BYTES, entryBytes } from './tar.ts';

export type Pack = {
  /** Absolute. */
  path: string;
  manifest: PackManifest;
  /** Checksum of the manifest, which has those of all members: two packs of one id have the same content. */
  id: string;
  /** Of the whole file. */
  bytes: number;
  /** Where the bytes of each member begin. */
  offsets: ReadonlyMap<string, number>;
};

const OTHERS_WRITE = 0o002;
// Large reads: packs lie on shared filesystems, whose servers count operations.
const READ_BYTES = 1024 * 1024;

/**
 * Reads what `path` says about itself, and checks that all of it is there: the size, and each member's header. Not the
 * bytes of its members; for these see `verifyMembers`.
 *
 * @throws UnetError UNET_PACK_NOT_FOUND, UNET_PACK_INVALID, UNET_PACK_CHECKSUM, UNET_UNSAFE_PATH.
 */
export async function openPack(path: string): Promise<Pack> {
  const absolute = resolve(path);
  const file = await openFile(absolute);
  try {
    const stats = await file.stat();
    if (!stats.isFile()) {
      throw invalidPack(`${absolute} is not a file`);
    }
    if ((stats.mode & OTHERS_WRITE) !== 0) {
      throw new UnetError('UNET_UNSAFE_PATH', `${absolute} is writable by everyone`, {
        fatal: true,
        remedy: `other users could change what unet runs: check its content, then run chmod o-w ${absolute}`,
      });
    }
    const text = await readManifest(file, absolute, stats.size);
    const manifest = parseManifest(text, absolute);
    const offsets = await checkFrame(file, manifest, text, stats.size, absolute);
    const id = createHash('sha256').update(text).digest('hex');
    return { path: absolute, manifest, id, bytes: stats.size, offsets };
  } finally {
    await file.close();
  }
}

/**
 * Reads every member, and compares its checksum.
 *
 * @param onBytes how many more have been read, of which member.
 * @throws UnetError UNET_PACK_CHECKSUM naming the member.
 */
export async function verifyMembers(
  pack: Pack,
  {
    signal,
    onBytes = () => {},
  }: { signal?: AbortSignal | undefined; onBytes?: (count: number, member: PackMember) => void } = {},
): Promise<void> {
  for (const member of pack.manifest.members) {
    for await (const chunk of storedBytes(pack, member, signal)) {
      onBytes(chunk.byteLength, member);
    }
  }
}

/**
 * The content of a member, uncompressed. It fails before its end when it is not what was packed: nobody may take what came
 * so far for the whole. The checksum is that of the bytes in the pack; one of the content beside it would tell nothing more,
 * and take as long again.
 */
export async function* memberContent(
  pack: Pack,
  member: PackMember,
  options: { env: Environment; signal?: AbortSignal | undefined },
): Bytes {
  let size = 0;
  for await (const chunk of decompress(
    member.compression,
    storedBytes(pack, member, options.signal),
    options,
  )) {
    size += chunk.byteLength;
    yield chunk;
  }
  if (size !== member.contentBytes) {
    throw damagedPack(`${member.path} in ${pack.path} is damaged: it unpacks to ${size} bytes`);
  }
}

async function* storedBytes(pack: Pack, member: PackMember, signal: AbortSignal | undefined): Bytes {
  const start = pack.offsets.get(member.path) ?? 0;
  if (member.bytes > 0) {
    const stream = createReadStream(pack.path, {
      start,
      end: start + member.bytes - 1,
      highWaterMark: READ_BYTES,
      signal,
    });
    const { bytes, tally } = tallied(stream);
    yield* bytes;
    const { bytes: size, sha256 } = tally();
    if (size !== member.bytes || sha256 !== member.sha256) {
      throw damagedPack(
        `${member.path} in ${pack.path} is damaged: its checksum is ${sha256}, not ${member.sha256}`,
      );
    }
  }
}

async function openFile(path: string): Promise<FileHandle> {
  try {
    // O_NONBLOCK: opening a FIFO must not wait for its writer.
    return await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
  } catch (error) {
    const errno = errnoOf(error);
    if (errno === 'ENOENT' || errno === 'ENOTDIR') {
      throw new UnetError('UNET_PACK_NOT_FOUND', `there is no pack ${path}`, {
        fatal: true,
        remedy: 'create one with "unet pack -o FILE" on a machine with internet access',
      });
    }
    throw new UnetError('UNET_PACK_NOT_FOUND', `${path} cannot be read: ${errno ?? String(error)}`, {
      fatal: true,
      cause: error,
    });
  }
}

async function readManifest(file: FileHandle, path: string, size: number): Promise<Buffer> {
  const head = await readAt(file, 0, BLOCK);
  const header = head.length === BLOCK ? decodeHeader(head) : undefined;
  if (header?.path !== MANIFEST) {
    throw invalidPack(`${path} is not a pack: it does not begin with a manifest`);
  }
  if (header.size !== MANIFEST_BYTES || size < entryBytes(MANIFEST_BYTES)) {
    throw invalidPack(`${path} is not a complete pack: its manifest is truncated or has the wrong size`);
  }
  return await readAt(file, BLOCK, MANIFEST_BYTES);
}

function parseManifest(text: Buffer, path: string): PackManifest {
  let value: unknown;
  try {
    value = JSON.parse(text.toString('utf8'));
  } catch (error) {
    throw damagedPack(`the manifest of ${path} is damaged: ${(error as Error).message}`);
  }
  const any = AnyManifest.safeParse(value);
  if (any.success && any.data.version !== PACK_VERSION) {
    throw invalidPack(
      `${path} has format ${any.data.version} of unet ${any.data.unet}; this unet reads format ${PACK_VERSION}`,
    );
  }
  const manifest = PackManifest.safeParse(value);
  if (!manifest.success) {
    const [issue] = manifest.error.issues;
    throw invalidPack(`the manifest of ${path} is not one: ${issue?.path.join('.')} ${issue?.message}`);
  }
  return manifest.data;
}

/** Every header is where the manifest says, with that name and size, and the seal is the last. */
async function checkFrame(
  file: FileHandle,
  manifest: PackManifest,
  text: Buffer,
  size: number,
  path: string,
): Promise<Map<string, number>> {
  const entries = [
    ...manifest.members.map((member) => ({ path: member.path, bytes: member.bytes })),
    { path: SEAL, bytes: SEAL_BYTES },
  ];
  const wanted =
    entries.reduce((sum, { bytes }) => sum + entryBytes(bytes), entryBytes(MANIFEST_BYTES)) + END_BYTES;
  if (size !== wanted) {
    throw invalidPack(
      size < wanted
        ? `${path} is truncated: it has ${size} of ${wanted} bytes`
        : `${path} has ${size - wanted} extra bytes at the end`,
    );
  }
  const offsets = new Map<string, number>();
  let at = entryBytes(MANIFEST_BYTES);
  for (const entry of entries) {
    const header = decodeHeader(await readAt(file, at, BLOCK));
    if (header?.path !== entry.path || header.size !== entry.bytes) {
      throw damagedPack(`${path} is damaged: ${entry.path} is not where its manifest says`);
    }
    offsets.set(entry.path, at + BLOCK);
    at += entryBytes(entry.bytes);
  }
  const seal = (await readAt(file, offsets.get(SEAL) ?? 0, SEAL_BYTES)).toString('latin1');
  if (seal !== `${createHash('sha256').update(text).digest('hex')}  ${MANIFEST}\n`) {
    throw damagedPack(`the manifest of ${path} was changed: its checksum differs`);
  }
  return offsets;
}

async function readAt(file: FileHandle, at: number, length: number): Promise<Buffer> {
  const buffer = Buffer.alloc(length);
  let done = 0;
  for (let read = -1; read !== 0 && done < length; done += read) {
    read = (await file.read(buffer, done, length - done, at + done)).bytesRead;
  }
  return buffer.subarray(0, done);
}
