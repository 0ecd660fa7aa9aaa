/** What a user wrote after `--release`. */
import { statSync } from 'node:fs';
import { resolve } from 'node:path';
import { distance } from 'fastest-levenshtein';
import { UnetError } from '../errors.ts';

export type ReleaseReference =
  | { kind: 'rehearsal' }
  | { kind: 'directory'; path: string }
  | { kind: 'tarball'; path: string }
  | { kind: 'git'; url: string; ref: string };

const REHEARSAL = 'rehearsal';
const UPSTREAM = 'https://github.com/rootless-containers/usernetes';
const FORMS =
  'a release is "rehearsal", a directory, a .tar or .tar.gz file, or a git URL with #TAG or #COMMIT';

const TARBALL = /\.(tar|tar\.gz|tgz)$/;
const SCHEME = /^([a-z][a-z0-9+.-]*):\/\//i;
const GIT_SCHEMES = new Set(['https', 'ssh', 'file']);
const SCP_LIKE = /^[\w.-]+@[\w.-]+:(?!\/\/)[^\s]+$/;
// A part of what git-check-ref-format(1) allows; a leading "-" would be an option of git.
const REF = /^(?!.*(\.\.|@\{|\/\/))[A-Za-z0-9_][A-Za-z0-9._/+-]*$/;
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
  const scheme = SCHEME.exec(trimmed)?.[1]?.toLowerCase();
  if (scheme !== undefined) {
    return parseUrl(trimmed, scheme);
  }
  if (SCP_LIKE.test(trimmed)) {
    return parseGit(trimmed);
  }
  return parsePath(trimmed, cwd);
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
      'the release’s URL has a password in it',
      'others could see it on a command line: give it to git by a credential helper',
    );
  }
  if (scheme === 'https' && TARBALL.test(text)) {
    throw usage(
      'a release cannot be downloaded as an archive',
      'download it and give the file, or give the git URL with #TAG',
    );
  }
  return parseGit(text);
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
      `give one as in ${UPSTREAM}#gen2-v20250828.0`,
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

function guess(text: string, cwd: string): string {
  if (!text.includes('/') && distance(text.toLowerCase(), REHEARSAL) <= 2) {
    return `did you mean "${REHEARSAL}"?`;
  }
  if (UPSTREAM_TAG.test(text)) {
    return `did you mean ${UPSTREAM}#${text}?`;
  }
  if (/^(www\.)?(github|gitlab|codeberg)\.[a-z]+\//.test(text)) {
    return `did you mean https://${text}?`;
  }
  const [before = '', ref] = text.split('#');
  if (ref !== undefined && statSync(resolve(cwd, before), { throwIfNoEntry: false })?.isDirectory()) {
    return `for a version out of a git repository on disk: file://${resolve(cwd, before)}#${ref}`;
  }
  if (text.startsWith('~')) {
    return 'the shell did not expand "~": write $HOME';
  }
  return FORMS;
}

function usage(message: string, remedy: string): UnetError {
  return new UnetError('UNET_USAGE', message, { remedy, fatal: true });
}
