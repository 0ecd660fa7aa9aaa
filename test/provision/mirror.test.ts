import { describe, expect, test } from 'vitest';
import { isMirror, mirrored } from '../../src/provision/mirror.ts';

describe('a mirror', () => {
  test('takes the place of the beginning of a URL, the longest one that fits', () => {
    const mirrors = [
      'https://github.com/=https://mirror.site/git/',
      'https://github.com/rootless-containers/=ssh://git@mirror.site:2222/r/',
      'git@github.com:=file:///srv/',
    ];
    expect(mirrored('https://github.com/x/y', mirrors)).toBe('https://mirror.site/git/x/y');
    expect(mirrored('https://github.com/rootless-containers/usernetes', mirrors)).toBe(
      'ssh://git@mirror.site:2222/r/usernetes',
    );
    expect(mirrored('git@github.com:x/y.git', mirrors)).toBe('file:///srv/x/y.git');
    expect(mirrored('https://gitlab.com/x/y', mirrors)).toBe('https://gitlab.com/x/y');
  });

  test.each([
    ['https://github.com/=https://mirror/?a=b', true],
    ['https://github.com/', false],
    ['=https://mirror/', false],
    ['https://github.com/=', false],
    ['github.com=mirror', false],
    ['https://github.com/=https://me:secret@mirror/', false],
    ['https://github.com/=--upload-pack=x', false],
  ])('is two beginnings of URLs, without a password: %s', (text, right) => {
    expect(isMirror(text)).toBe(right);
  });
});
