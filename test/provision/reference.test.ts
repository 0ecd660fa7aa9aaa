import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { UnetError } from '../../src/errors.ts';
import { DEFAULT_RELEASE, pinOf, UPSTREAM } from '../../src/provision/pins.ts';
import { parseReleaseReference } from '../../src/provision/reference.ts';
import { place } from '../files/place.ts';
import { tree } from './releases.ts';

const errorOf = (text: string, cwd = '/'): UnetError => {
  try {
    parseReleaseReference(text, cwd);
  } catch (error) {
    if (UnetError.is(error)) {
      return error;
    }
    throw error;
  }
  throw new Error('it was accepted');
};

describe('a release', () => {
  test('is the rehearsal by its name, and a directory of that name by a path', async () => {
    const cwd = await tree({ 'rehearsal/Makefile': '' });
    expect(parseReleaseReference('rehearsal', cwd)).toEqual({ kind: 'rehearsal' });
    expect(parseReleaseReference('./rehearsal', cwd)).toEqual({
      kind: 'directory',
      path: join(cwd, 'rehearsal'),
    });
  });

  test('is a directory or an archive, from where the user is', async () => {
    const cwd = await tree({ 'usernetes/Makefile': '', 'a.tar': '', 'a.tar.gz': '', 'a.tgz': '' });
    expect(parseReleaseReference('usernetes', cwd)).toEqual({
      kind: 'directory',
      path: join(cwd, 'usernetes'),
    });
    expect(parseReleaseReference(join(cwd, 'usernetes/'), '/')).toEqual({
      kind: 'directory',
      path: join(cwd, 'usernetes'),
    });
    for (const name of ['a.tar', 'a.tar.gz', 'a.tgz']) {
      expect(parseReleaseReference(`./${name}`, cwd)).toEqual({ kind: 'tarball', path: join(cwd, name) });
    }
  });

  test.each([
    [
      'https://github.com/rootless-containers/usernetes#gen2-v20250828.0',
      'https://github.com/rootless-containers/usernetes',
      'gen2-v20250828.0',
    ],
    ['https://host/repo.git#0123abc', 'https://host/repo.git', '0123abc'],
    ['ssh://git@host:2222/path/repo#v1', 'ssh://git@host:2222/path/repo', 'v1'],
    ['git@host.example:path/repo.git#feature/x', 'git@host.example:path/repo.git', 'feature/x'],
    ['file:///srv/repo#v1', 'file:///srv/repo', 'v1'],
  ])('is a version of a git repository: %s', (text, url, ref) => {
    expect(parseReleaseReference(text, '/')).toEqual({ kind: 'git', url, ref });
  });

  test('is a tag or commit of upstream by its name alone, pinned or not, and a directory of that name by a path', async () => {
    const url = UPSTREAM;
    const cwd = await tree({ 'gen2-v20250828.0/Makefile': '', 'deadbee/Makefile': '' });
    expect(parseReleaseReference('gen2-v20250828.0', cwd)).toEqual({
      kind: 'git',
      url,
      ref: 'gen2-v20250828.0',
    });
    expect(parseReleaseReference('gen3-v20260728.0', cwd)).toEqual({
      kind: 'git',
      url,
      ref: 'gen3-v20260728.0',
    });
    expect(parseReleaseReference('ed45d3361d20', cwd)).toEqual({ kind: 'git', url, ref: 'ed45d3361d20' });
    expect(parseReleaseReference('./gen2-v20250828.0', cwd).kind).toBe('directory');
    expect(parseReleaseReference('deadbee', cwd).kind).toBe('directory');
  });

  test('is a download with its checksum, or what the cache has by its checksum', () => {
    const sha256 = 'A1'.repeat(32);
    expect(parseReleaseReference(`https://host/u.tar.gz#sha256=${sha256}`, '/')).toEqual({
      kind: 'download',
      url: 'https://host/u.tar.gz',
      sha256: sha256.toLowerCase(),
    });
    expect(parseReleaseReference('sha256:0123abcd', '/')).toEqual({ kind: 'cached', sha256: '0123abcd' });
  });

  test('is by default one that is pinned', () => {
    expect(pinOf(UPSTREAM, DEFAULT_RELEASE)?.kubernetes).toBe('1.34.0');
  });

  test('is by default one that can be parsed', () => {
    expect(parseReleaseReference(DEFAULT_RELEASE, '/').kind).toBe('git');
  });

  test.each([
    ['https://host/repo', 'does not say which version', 'https://host/repo#TAG'],
    ['https://host/repo#', 'does not say which version', 'https://host/repo#TAG'],
    ['git@host:repo', 'does not say which version', 'git@host:repo#TAG'],
    ['https://host/repo.git@v1', 'comes after "#"', 'https://host/repo.git#v1'],
    ['https://host/repo#--upload-pack=x', 'is not a tag or a commit', ''],
    ['https://host/repo#a..b', 'is not a tag or a commit', ''],
    ['https://host/repo#a b', 'is not a tag or a commit', ''],
    ['https://host/repo#a#b', 'is not a tag or a commit', ''],
    ['http://host/repo#v1', 'cannot come by http://', 'https://'],
    ['ext::sh -c id#v1', 'there is no release', ''],
    ['https://host/release.tar.gz', 'has no checksum', '#sha256='],
    ['https://host/release.tar.gz#sha256=0123', 'has no checksum', 'sha256sum'],
    ['https://me@host/release.tgz#v1', 'https://host/release.tgz has no checksum', ''],
    ['sha256:0123', 'is not a checksum', 'unet cache list'],
    ['sha256:', 'is not a checksum', ''],
    ['', 'is empty', '"rehearsal"'],
    ['rehersal', 'there is no release /rehersal', 'did you mean "rehearsal"?'],
    ['gen2-v20250828', 'there is no release', 'did you mean gen2-v20250828.0?'],
    ['gen2-20250828.0', 'there is no release', 'did you mean gen2-v20250828.0?'],
    ['github.com/x/y#v1', 'there is no release', 'https://github.com/x/y#v1?'],
    ['~/usernetes', 'there is no release', '$HOME'],
    ['/no/such/place', 'there is no release /no/such/place', 'a git URL with #TAG'],
  ])('that is nearly one gets an answer that helps: "%s"', (text, message, remedy) => {
    const error = errorOf(text);
    expect(error.message).toContain(message);
    expect(error.details.remedy).toContain(remedy);
    expect(error.code).toBe(
      message.startsWith('there is no release') ? 'UNET_RELEASE_NOT_FOUND' : 'UNET_USAGE',
    );
    expect(error.exitCode).toBe(2);
  });

  test('does not show the password that somebody wrote into it', () => {
    const error = errorOf('https://me:hunter2@host/repo#v1');
    expect(JSON.stringify(error.toRecord())).not.toContain('hunter2');
  });

  test('that is a directory with a tag is explained', async () => {
    const cwd = await tree();
    expect(errorOf('.#v1', cwd).details.remedy).toContain(`file://${cwd}#v1`);
  });

  test('that is some other file is refused', async () => {
    const cwd = await place();
    await writeFile(join(cwd, 'a.zip'), '');
    expect(errorOf('a.zip', cwd).message).toContain('neither a directory nor a .tar');
  });
});
