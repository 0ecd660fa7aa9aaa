/** Small releases, with as much in them as the tests are about. */
import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { execa } from 'execa';
import { childEnvironment } from '../../src/process/environment.ts';
import { place } from '../files/place.ts';

export const env = childEnvironment(process.env);

export const TARGETS = [
  'up',
  'down-v',
  'kubeadm-init',
  'install-flannel',
  'kubeconfig',
  'join-command',
  'kubeadm-join',
  'kubeadm-reset',
  'sync-external-ip',
];

export function makefile(targets: readonly string[] = TARGETS): string {
  return targets.map((target) => `.PHONY: ${target}\n${target}:\n\techo ${target}\n`).join('\n');
}

export const FILES: Record<string, string> = {
  Makefile: makefile(),
  'docker-compose.yaml': 'services: {}\n',
  'Makefile.d/check.sh': '#!/bin/sh\n',
};

/** A directory with these files; scripts are executable. */
export async function tree(files: Record<string, string> = FILES, root?: string): Promise<string> {
  const directory = root ?? (await place());
  for (const [path, content] of Object.entries(files)) {
    await mkdir(join(directory, dirname(path)), { recursive: true });
    await writeFile(join(directory, path), content, { mode: path.endsWith('.sh') ? 0o755 : 0o644 });
  }
  return directory;
}

const GIT = ['-c', 'user.name=t', '-c', 'user.email=t@example.org', '-c', 'init.defaultBranch=main'];

/** Runs git in `directory`, and says what it said. */
export async function git(directory: string, ...args: string[]): Promise<string> {
  return (await execa('git', [...GIT, ...args], { cwd: directory, env: { GIT_CONFIG_GLOBAL: '/dev/null' } }))
    .stdout;
}

/** A repository with two commits: the first has the tag v1, the second v2. In a place of the test's own, or `root`. */
export async function repository(
  root?: string,
): Promise<{ directory: string; url: string; commits: [string, string] }> {
  const directory = await tree(FILES, root);
  const commit = async (tag: string): Promise<string> => {
    await git(directory, 'add', '-A');
    await git(directory, 'commit', '-q', '-m', tag);
    await git(directory, 'tag', '-a', '-m', tag, tag);
    return git(directory, 'rev-parse', 'HEAD');
  };
  await git(directory, 'init', '-q');
  const first = await commit('v1');
  await tree({ 'new-file': 'second\n' }, directory);
  const second = await commit('v2');
  return { directory, url: `file://${directory}`, commits: [first, second] };
}
