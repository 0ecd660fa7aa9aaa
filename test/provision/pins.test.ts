import { describe, expect, test } from 'vitest';
import { DEFAULT_RELEASE, PINS, pinOf, UPSTREAM } from '../../src/provision/pins.ts';

const [newest] = PINS;

describe('a pin', () => {
  test('is found by tag and by commit, also a short one, under every name of the repository', () => {
    for (const url of [
      UPSTREAM,
      `${UPSTREAM}.git`,
      `${UPSTREAM}/`,
      'git@github.com:rootless-containers/usernetes.git',
      'ssh://git@github.com/rootless-containers/usernetes',
    ]) {
      expect(pinOf(url, newest?.tag ?? '')).toBe(newest);
      expect(pinOf(url, newest?.commit ?? '')).toBe(newest);
      expect(pinOf(url, newest?.commit.slice(0, 7) ?? '')).toBe(newest);
    }
  });

  test('is not found for another repository, a branch, or a few digits', () => {
    const tag = newest?.tag ?? '';
    expect(pinOf('https://github.com/somebody/usernetes', tag)).toBeUndefined();
    expect(pinOf('https://evil.example/github.com/rootless-containers/usernetes', tag)).toBeUndefined();
    expect(pinOf(UPSTREAM, 'master')).toBeUndefined();
    expect(pinOf(UPSTREAM, newest?.commit.slice(0, 6) ?? '')).toBeUndefined();
  });

  test('is one of a table without doubles, newest first, with the default among them', () => {
    for (const key of ['tag', 'commit', 'sha256'] as const) {
      expect(new Set(PINS.map((pin) => pin[key])).size).toBe(PINS.length);
    }
    const tags = PINS.map(({ tag }) => tag);
    expect(tags).toEqual([...tags].sort().reverse());
    expect(tags).toContain(DEFAULT_RELEASE);
  });

  test('says that the kubelet needs cgroup v2 from Kubernetes 1.35 on', () => {
    for (const { kubernetes, cgroup } of PINS) {
      expect(cgroup).toBe(Number(kubernetes.split('.')[1]) >= 35 ? 'v2' : 'v1, v2');
    }
  });
});
