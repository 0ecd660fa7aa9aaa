/** What a user wrote after `--release`. */
import { statSync } from 'node:fs';
import { resolve } from 'node:path';
import { distance } from 'fastest-levenshtein';
import { UnetError } from '../errors.ts';
import { PINS, UPSTREAM } from './pins.ts';

/** What lies on this machine, and is packed as it is. */
export type LocalReference =
  | { kind: 'rehearsal' }
  | { kind: 'directory'; path: string }
  | { kind: 'tarball'; path: string };

/** What has to be fetched. `sha256` is of the file behind the URL. */
export type RemoteReference =
  | { kind: 'git'; url: string; ref: string }
  | { kind: 'download'; url: string; sha256: string };

/** What is in the cache already, by (the beginning of) its checksum. */
export type CachedReference = { kind: 'cached'; sha256: string };

export type ReleaseReference = LocalReference | RemoteReference | CachedReference;

const REHEARSAL = 'rehearsal';
const FORMS =
  'a release is a tag or commit of upstream, "rehearsal", a directory, a .tar or .tar.gz file, a git URL with #TAG or ' +
  '#COMMIT, https://….tar.gz#sha256=…, or sha256:… of one in the cache';

const COMMIT = /^[0-9a-f]{7,40}$/;
const CACHED = /^sha256:(.*)$/;
const CHECKSUM = /^sha256=([0-9a-f]{64})$/i;
const TARBALL = /\.(tar|tar\.gz|tgz)$/;
const SCHEME = /^([a-z][a-z0-9+.-]*):\/\//i;
const GIT_SCHEMES = new Set(['https', 'ssh', 'file']);
const SCP_LIKE = /^[\w.-]+@[\w.-]+:(?!\/\/)[^\s]+$/;
// A part of what git-check-ref-format(1) allows; a leading "-" would be an option of git.
const REF = /^(?!.*(\.\.|@\{|\/\/))[A-Za-z0-9_][A-Za-z0-9._/+-]*$/;
// A directory of that name is ./gen2-…, as ./rehearsal is.
const UPSTREAM_TAG = /^gen\d+-v\d{8}\.\d+$/;

/**
 * @param cwd against which relative paths are resolved.
 * @throws UnetError UNET_USAGE for what is no reference, UNET_RELEASE_NOT_FOUND for a path with nothing there; both
 *   with what was probably meant.
 */
export function parseReleaseReference(text: string, cwd: string): ReleaseReference {
  const trimmed = text.trim();
  if (trimmed === '') {
    throw usage('the release is empty', FORMS);
  }
  if (trimmed === REHEARSAL) {
    return { kind: 'rehearsal' };
  }
  const cached = CACHED.exec(trimmed)?.[1];
  if (cached !== undefined) {
    return parseCached(cached);
  }
  if (UPSTREAM_TAG.test(trimmed) || (COMMIT.test(trimmed) && !isThere(trimmed, cwd))) {
    return { kind: 'git', url: UPSTREAM, ref: trimmed };
  }
  const scheme = SCHEME.exec(trimmed)?.[1]?.toLowerCase();
  if (scheme !== undefined) {
    return parseUrl(trimmed, scheme);
  }
  if (SCP_LIKE.test(trimmed)) {
    return parseGit(trimmed);
  }
  return parsePath(trimmed, cwd);
}

/** The reference as it may be shown and looked up again: the same release has the same text. */
export function referenceText(reference: ReleaseReference): string {
  switch (reference.kind) {
    case 'rehearsal':
      return REHEARSAL;
    case 'directory':
    case 'tarball':
      return reference.path;
    case 'git':
      return `${shownUrl(reference.url)}#${reference.ref}`;
    case 'download':
      return `${shownUrl(reference.url)}#sha256=${reference.sha256}`;
    case 'cached':
      return `sha256:${reference.sha256}`;
  }
}

/** A URL as it may be shown: without a user's name or password. */
export function shownUrl(url: string): string {
  return url.replace(/^([a-z+.-]+:\/\/)[^/@]*@/i, '$1');
}

function parseUrl(text: string, scheme: string): ReleaseReference {
  if (!GIT_SCHEMES.has(scheme)) {
    throw usage(
      `a release cannot come by ${scheme}://`,
      'use https://, ssh:// or file:// with #TAG or #COMMIT',
    );
  }
  if (/^[a-z]+:\/\/[^/@]*:[^/@]*@/i.test(text)) {
    throw usage(
      'the release URL contains a password',
      'other users could see it in the process list; use a git credential helper instead',
    );
  }
  const [url = ''] = text.split('#', 1);
  return scheme === 'https' && TARBALL.test(url) ? parseDownload(text) : parseGit(text);
}

function parseDownload(text: string): ReleaseReference {
  const [url = '', fragment = ''] = text.split('#');
  const sha256 = CHECKSUM.exec(fragment)?.[1];
  if (sha256 === undefined || /\s/.test(url)) {
    throw usage(
      `${shownUrl(url)} has no checksum`,
      `nothing else proves the content of a download: add #sha256= and the 64 digits that sha256sum prints for the file`,
    );
  }
  return { kind: 'download', url, sha256: sha256.toLowerCase() };
}

function parseCached(digits: string): ReleaseReference {
  if (!/^[0-9a-f]{8,64}$/.test(digits)) {
    throw usage(`"sha256:${digits}" is not a checksum`, 'give 8 to 64 digits as shown by "unet cache list"');
  }
  return { kind: 'cached', sha256: digits };
}

function parseGit(text: string): ReleaseReference {
  const [url = '', ref, ...more] = text.split('#');
  const shown = shownUrl(url);
  const [, plainUrl, afterAt] = /^(.*\.git)@(.+)$/.exec(url) ?? [];
  if (plainUrl !== undefined) {
    throw usage(
      `the tag or commit comes after "#", not "@"`,
      `did you mean ${shownUrl(plainUrl)}#${afterAt}?`,
    );
  }
  if (ref === undefined || ref === '') {
    throw usage(`${shown} does not say which version`, `add a tag or a commit: ${shown}#TAG`);
  }
  if (more.length > 0 || !REF.test(ref) || ref.endsWith('.lock') || ref.endsWith('/') || ref.endsWith('.')) {
    throw usage(
      `"${[ref, ...more].join('#')}" is not a tag or a commit`,
      `give one as in ${UPSTREAM}#${PINS[0]?.tag}`,
    );
  }
  if (/\s/.test(url)) {
    throw usage(`"${shown}" is not a URL`, FORMS);
  }
  return { kind: 'git', url, ref };
}

function parsePath(text: string, cwd: string): ReleaseReference {
  const path = resolve(cwd, text);
  const stats = statSync(path, { throwIfNoEntry: false });
  if (stats?.isDirectory()) {
    return { kind: 'directory', path };
  }
  if (stats?.isFile()) {
    if (TARBALL.test(path)) {
      return { kind: 'tarball', path };
    }
    throw usage(`${path} is neither a directory nor a .tar, .tar.gz or .tgz file`, FORMS);
  }
  if (stats !== undefined) {
    throw usage(`${path} is neither a directory nor a file`, FORMS);
  }
  throw new UnetError('UNET_RELEASE_NOT_FOUND', `there is no release ${path}`, {
    remedy: guess(text, cwd),
    fatal: true,
  });
}

function isThere(text: string, cwd: string): boolean {
  return statSync(resolve(cwd, text), { throwIfNoEntry: false }) !== undefined;
}

function guess(text: string, cwd: string): string {
  if (!text.includes('/') && distance(text.toLowerCase(), REHEARSAL) <= 2) {
    return `did you mean "${REHEARSAL}"?`;
  }
  const tag = PINS.map((pin) => pin.tag).find((one) => distance(text, one) <= 3);
  if (tag !== undefined) {
    return `did you mean ${tag}?`;
  }
  if (/^(www\.)?(github|gitlab|codeberg)\.[a-z]+\//.test(text)) {
    return `did you mean https://${text}?`;
  }
  const [before = '', ref] = text.split('#');
  if (ref !== undefined && statSync(resolve(cwd, before), { throwIfNoEntry: false })?.isDirectory()) {
    return `for a version from a local git repository, use file://${resolve(cwd, before)}#${ref}`;
  }
  if (text.startsWith('~')) {
    return 'the shell did not expand "~"; use $HOME';
  }
  return FORMS;
}

function usage(message: string, remedy: string): UnetError {
  return new UnetError('UNET_USAGE', message, { remedy, fatal: true });
}
