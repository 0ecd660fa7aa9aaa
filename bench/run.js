/**
 * npm run bench: what a bring-up takes beyond its steps (overhead.js), and what it takes to have the release on every node
 * (provisioning.js), and what the cluster client takes (cluster.js). See docs/benchmarks.md.
 *
 *     npm run bench [-- --only overhead|provisioning|cluster] [-- --quick] [-- --nodes 8] [-- --repetitions 3]
 */
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const PARTS = ['overhead', 'provisioning', 'cluster'];

const words = process.argv.slice(2);
const at = words.indexOf('--only');
const only = at < 0 ? undefined : words[at + 1];
if (at >= 0 && !PARTS.includes(only)) {
  console.error(`bench: --only needs one of ${PARTS.join(', ')}`);
  process.exit(2);
}
const rest = at < 0 ? words : words.toSpliced(at, 2);
for (const part of only === undefined ? PARTS : [only]) {
  const script = fileURLToPath(new URL(`./${part}.js`, import.meta.url));
  const { status, signal } = spawnSync(process.execPath, [script, ...rest], { stdio: 'inherit' });
  if (status !== 0) {
    process.exit(status ?? (signal === 'SIGINT' ? 130 : 1));
  }
}
