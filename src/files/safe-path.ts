/** Whether a path is ours alone: no component of it can be replaced by another user of the machine. */
import { readFileSync, type Stats } from 'node:fs';
import { lstat, readlink } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { errnoOf, UnetError } from '../errors.ts';

const ROOT_UID = 0;
const GROUP_WRITE = 0o020;
const OTHER_WRITE = 0o002;
const STICKY = 0o1000;
const PERMISSIONS = 0o777;
const GROUP_AND_OTHERS = 0o077;
const REMEDY_TRUST =
  'choose another directory with --job-dir or --node-dir; or, if you trust everyone who can write there, add it to UNET_TRUSTED_PATHS';
// As the kernel's own limit (path_resolution(7)).
const MAX_LINKS = 40;

/**
 * Follows `path` component by component, through symbolic links that only root or we could have made, and returns
 * where it leads. Components that do not exist yet are taken as they are.
 *
 * As OpenSSH does with authorized_keys, a directory that its group may write to is refused, for its members could
 * replace what is in it; unless it is our own private group (its id is our user id, as useradd makes it).
 *
 * @throws UnetError UNET_UNSAFE_PATH naming the component and what is wrong with it.
 */
export async function resolveSafely(path: string): Promise<string> {
  const todo = resolve(path)
    .split('/')
    .filter((part) => part !== '');
  let current = '/';
  let links = 0;
  const look = lookAhead(todo);
  await checkAncestor(current);
  for (let part = todo.shift(); part !== undefined; part = todo.shift()) {
    const next = join(current, part);
    const stats = await look(next);
    if (stats === undefined) {
      return join(next, ...todo);
    }
    if (stats.isSymbolicLink()) {
      if (!trusted(next, stats)) {
        throw unsafe(next, `is a symbolic link of ${owner(stats)}`);
      }
      if (++links > MAX_LINKS) {
        throw unsafe(path, 'goes through too many symbolic links');
      }
      const target = resolve(current, await readlink(next));
      todo.unshift(...target.split('/').filter((piece) => piece !== ''));
      current = '/';
      continue;
    }
    if (todo.length > 0) {
      checkAncestorStats(next, stats);
    }
    current = next;
  }
  return current;
}

/**
 * Asks for all components of a path at once: one after the other each would wait for its turn among the threads, or for the file server.
 * What a symbolic link leads to is asked for when it is known.
 */
function lookAhead(parts: readonly string[]): (path: string) => Promise<Stats | undefined> {
  const asked = new Map<string, Promise<Stats | undefined>>();
  let path = '/';
  for (const part of parts) {
    path = join(path, part);
    const answer = lstatOrUndefined(path);
    answer.catch(() => {}); // ENOTDIR beneath a file, which is refused before its turn comes
    asked.set(path, answer);
  }
  return (next) => asked.get(next) ?? lstatOrUndefined(next);
}

/** As `resolveSafely`, for a directory in which something is about to be made or opened. */
export async function checkSafeParent(directory: string): Promise<void> {
  const resolved = await resolveSafely(directory);
  await checkAncestor(resolved);
}

/**
 * Checks that `path` is a directory of ours with mode 0700, itself not a symbolic link, that nobody can replace.
 *
 * @throws UnetError UNET_UNSAFE_PATH; the system error ENOENT when it does not exist.
 */
export async function verifyPrivateDirectory(path: string): Promise<void> {
  const answer = lstat(path);
  answer.catch(() => {}); // what is wrong above it is said first
  await checkSafeParent(dirname(resolve(path)));
  const stats = await answer;
  if (stats.isSymbolicLink()) {
    throw unsafe(path, 'is a symbolic link');
  }
  if (!stats.isDirectory()) {
    throw unsafe(path, 'is not a directory');
  }
  if (stats.uid !== ownUid()) {
    throw unsafe(path, `belongs to ${owner(stats)}`);
  }
  if ((stats.mode & PERMISSIONS) !== 0o700) {
    throw unsafe(
      path,
      `has mode ${octal(stats.mode)} instead of 0700`,
      `make sure that its contents are yours, then: chmod 700 ${path}`,
    );
  }
}

/** What is wrong with an open file that should be ours and closed to others; undefined: nothing. */
export function privateFileFlaw(stats: Stats): string | undefined {
  if (!stats.isFile()) {
    return 'is not a regular file';
  }
  if (stats.uid !== ownUid()) {
    return `belongs to ${owner(stats)}`;
  }
  if ((stats.mode & GROUP_AND_OTHERS) !== 0) {
    return `has mode ${octal(stats.mode)}: others can reach it`;
  }
  return undefined;
}

export function unsafe(path: string, reason: string, remedy?: string): UnetError {
  return new UnetError('UNET_UNSAFE_PATH', `${path} ${reason}`, {
    fatal: true,
    remedy: remedy ?? 'choose a directory that no other user can change with --job-dir or --node-dir',
  });
}

export function ownUid(): number {
  return process.geteuid?.() ?? -1;
}

export async function lstatOrUndefined(path: string): Promise<Stats | undefined> {
  try {
    return await lstat(path);
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') {
      return undefined;
    }
    throw error;
  }
}

async function checkAncestor(path: string): Promise<void> {
  const stats = await lstatOrUndefined(path);
  if (stats !== undefined) {
    checkAncestorStats(path, stats);
  }
}

function checkAncestorStats(path: string, stats: Stats): void {
  if (!stats.isDirectory()) {
    throw unsafe(path, 'is not a directory');
  }
  if (!trusted(path, stats)) {
    throw unsafe(path, `belongs to ${owner(stats)}, who can replace what is in it`, REMEDY_TRUST);
  }
  if ((stats.mode & STICKY) !== 0) {
    return; // what is ours in it can be removed or renamed by nobody else
  }
  if ((stats.mode & OTHER_WRITE) !== 0) {
    throw unsafe(path, 'is writable by everyone and not sticky, so others can replace what is in it');
  }
  if ((stats.mode & GROUP_WRITE) !== 0 && stats.gid !== ownUid() && !isTrustedPath(path)) {
    const reason = `is writable by its group (id ${stats.gid}), whose members can replace what is in it`;
    throw unsafe(path, reason, REMEDY_TRUST);
  }
}

function trusted(path: string, stats: Stats): boolean {
  return (
    stats.uid === ROOT_UID ||
    stats.uid === ownUid() ||
    (isUnmapped(stats.uid) && dirname(path) === '/') ||
    isTrustedPath(path)
  );
}

/**
 * Whether the user says so of `path` or a directory above it: UNET_TRUSTED_PATHS, absolute paths with ":" between them. Owner and
 * group of such a path may change it; that everybody may is never accepted.
 */
export function isTrustedPath(path: string): boolean {
  const trustedPaths = (process.env.UNET_TRUSTED_PATHS ?? '')
    .split(':')
    .filter((entry) => entry.startsWith('/'));
  return trustedPaths.map((entry) => resolve(entry)).some((entry) => path === entry || isBelow(path, entry));
}

function isBelow(path: string, directory: string): boolean {
  return path.startsWith(directory === '/' ? '/' : `${directory}/`);
}

/**
 * In a user namespace that does not map the host's root, root's directories show the overflow id, as do those of all others
 * outside (user_namespaces(7)). "/" and what is directly below it, such as /home or /tmp, only the host's root can have made.
 */
function isUnmapped(uid: number): boolean {
  overflowUid ??= readOverflowUid();
  return uid === overflowUid;
}

let overflowUid: number | undefined;

/** -1 where every id is mapped, so that none shows as the overflow id. */
function readOverflowUid(): number {
  try {
    const mapsAll = /^\s*0\s+0\s+4294967295\s*$/.test(readFileSync('/proc/self/uid_map', 'utf8'));
    return mapsAll ? -1 : Number(readFileSync('/proc/sys/kernel/overflowuid', 'utf8'));
  } catch {
    return -1;
  }
}

function owner(stats: Stats): string {
  if (stats.uid === ROOT_UID) {
    return 'root';
  }
  return isUnmapped(stats.uid)
    ? `a user outside of this user namespace (id ${stats.uid})`
    : `another user (id ${stats.uid})`;
}

function octal(mode: number): string {
  return (mode & 0o7777).toString(8).padStart(4, '0');
}
