/**
 * Bundles with what V8 has compiled of them before. A process that lives for one job compiles the same thousand functions again in each
 * job. As module.enableCompileCache does it, which Node 20 lacks.
 */
import { createHash } from 'node:crypto';
import {
  closeSync,
  constants,
  fstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  statSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { Script } from 'node:vm';
import { cacheDirectory } from '../cache/layout.ts';
import { ownUid, privateFileFlaw } from '../files/safe-path.ts';
import { handedOn } from './handed-on.ts';

/**
 * What a process was, if others run the same bundle as something else: each adds what it has compiled to what was kept. Left by the
 * bundle's own code.
 */
export const playedPart = handedOn<{ part: string }>('part');

// In front of what V8 gives: a checksum of the rest (V8 knows its own version in it, and not whether a disk has lost a part), and a line
// with the parts that it is of.
const SUM_BYTES = 32;
// Of a writer that was killed.
const STALE_MS = 60_000;

const loaded = new Map<string, { exports: unknown }>();

/**
 * Runs a bundle, once, and returns what it exports. Without a compiled form that can be used it is compiled as ever, and the process
 * leaves one at its end. Nothing of that can fail the process.
 *
 * @param file path of the script; its first line is `//`, its name, and a checksum of the rest: see scripts/build.js.
 */
export function loadBundle<T>(file: string, env: NodeJS.ProcessEnv): T {
  const known = loaded.get(file);
  if (known !== undefined) {
    return known.exports as T;
  }
  const source = readFileSync(file, 'utf8');
  const place = env.NODE_DISABLE_COMPILE_CACHE === undefined ? placeOf(source, env) : undefined;
  const { inode, kept }: Found = place === undefined ? {} : find(place.file);
  // On a line of its own, so that the bundle's lines keep their numbers.
  const script = new Script(`(function(exports,require,module,__filename,__dirname){${source}\n})`, {
    filename: file,
    cachedData: kept?.compiled,
  });
  const module = { exports: {} };
  loaded.set(file, module);
  const requireBuiltin = createRequire(file);
  const require = (id: string) =>
    id.startsWith('./') ? loadBundle(join(dirname(file), id), env) : requireBuiltin(id);
  script.runInThisContext()(module.exports, require, module, file, dirname(file));
  if (place !== undefined) {
    const parts = script.cachedDataRejected === true ? undefined : kept?.parts;
    // At the end: then it has what was needed, and only that.
    process.on('exit', () => keep(place, script, { inode, parts }));
  }
  return module.exports as T;
}

type Place = { directory: string; file: string; name: string };

function placeOf(source: string, env: NodeJS.ProcessEnv): Place {
  const directory = join(cacheDirectory(undefined, env), 'compiled');
  const [, bundle = '', sum = ''] = /^\/\/(\S+) ([0-9a-f]{16})/.exec(source) ?? [];
  // Of another Node or another kind of machine V8 takes none.
  const name = `${bundle}-${process.version}-${process.arch}-`;
  return { directory, file: join(directory, `${name}${sum}`), name };
}

type Found = {
  /** Of what is there, whether it can be used or not. */
  inode?: number | undefined;
  /** What is there, if it is whole, and ours alone. */
  kept?: { parts: string[]; compiled: Buffer };
};

function find(file: string): Found {
  let descriptor: number | undefined;
  let inode: number | undefined;
  try {
    descriptor = openSync(file, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
    const stats = fstatSync(descriptor);
    inode = stats.ino;
    if (privateFileFlaw(stats) !== undefined) {
      return { inode };
    }
    const content = readFileSync(descriptor);
    const rest = content.subarray(SUM_BYTES);
    if (!sumOf(rest).equals(content.subarray(0, SUM_BYTES))) {
      return { inode };
    }
    const end = rest.indexOf('\n');
    const parts = rest.toString('latin1', 0, end).split(' ');
    return { inode, kept: { parts, compiled: rest.subarray(end + 1) } };
  } catch {
    return { inode: inode ?? inodeOf(file) };
  } finally {
    if (descriptor !== undefined) {
      closeSync(descriptor);
    }
  }
}

/**
 * By one of all that end at the same time; what an earlier unet has left for this Node goes. A process that has nothing to add does not
 * even look: the home may be on a file server that hangs.
 *
 * @param before what this process has found, and the parts of what it has used of that.
 */
function keep(
  { directory, file, name }: Place,
  script: Script,
  before: { inode: number | undefined; parts: string[] | undefined },
): void {
  const { part } = playedPart.peek() ?? { part: '-' };
  if (before.parts?.includes(part) === true) {
    return;
  }
  try {
    // Somebody else has done so meanwhile; or root, in a home that sudo has kept: the user could not write there any more.
    if (inodeOf(file) !== before.inode || !isOurs(directory)) {
      return;
    }
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    const parts = [...new Set([...(before.parts ?? []), part])].join(' ');
    write(file, () => Buffer.concat([Buffer.from(`${parts}\n`), script.createCachedData()]));
    for (const other of readdirSync(directory)) {
      if (other.startsWith(name) && join(directory, other) !== file) {
        unlinkSync(join(directory, other));
      }
    }
  } catch {
    // Another process writes it, or there is no room or no permission: then not.
  }
}

/** The directory, or what it would be made in. */
function isOurs(directory: string): boolean {
  const stats = statSync(directory, { throwIfNoEntry: false });
  return stats === undefined ? isOurs(dirname(directory)) : stats.uid === ownUid();
}

function write(file: string, make: () => Buffer): void {
  const temporary = `${file}.new`;
  removeStale(temporary);
  const descriptor = openSync(temporary, 'wx', 0o600);
  try {
    const content = make();
    writeFileSync(descriptor, Buffer.concat([sumOf(content), content]));
    renameSync(temporary, file);
  } catch (error) {
    unlinkSync(temporary);
    throw error;
  } finally {
    closeSync(descriptor);
  }
}

function inodeOf(file: string): number | undefined {
  try {
    return statSync(file).ino;
  } catch {
    return undefined;
  }
}

function removeStale(temporary: string): void {
  const stats = statSync(temporary, { throwIfNoEntry: false });
  if (stats !== undefined && Date.now() - stats.mtimeMs > STALE_MS) {
    unlinkSync(temporary);
  }
}

function sumOf(content: Buffer): Buffer {
  return createHash('sha256').update(content).digest();
}
