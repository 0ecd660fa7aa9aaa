/** A repository with a release as large as upstream's: some 30 files, 150 KiB, and a history. */
import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const REHEARSAL = fileURLToPath(new URL('../../dist/rehearsal', import.meta.url));
const FILLERS = 22;
const FILLER_BYTES = 3000;
const COMMITS = 20;

export function makeUpstream(directory) {
  const tree = join(directory, 'tree');
  mkdirSync(tree, { recursive: true });
  const git = (...args) =>
    execFileSync('git', ['-c', 'user.name=b', '-c', 'user.email=b@example.org', '-C', tree, ...args], {
      stdio: 'ignore',
      env: { PATH: process.env.PATH, HOME: directory },
    });
  git('init', '-q', '-b', 'main');
  for (const name of ['Makefile', 'Makefile.d']) {
    cpSync(join(REHEARSAL, name), join(tree, name), { recursive: true });
  }
  mkdirSync(join(tree, 'docs'));
  for (let commit = 0; commit < COMMITS; commit += 1) {
    for (let index = 0; index < FILLERS; index += 1) {
      const line = `${commit} ${index} what a release has beside its Makefile\n`;
      writeFileSync(join(tree, 'docs', `file-${index}`), line.repeat(Math.ceil(FILLER_BYTES / line.length)));
    }
    git('add', '-A');
    git('commit', '-q', '-m', `commit ${commit}`);
  }
  git('tag', 'v1');
  return { url: `file://${tree}`, tag: 'v1' };
}
