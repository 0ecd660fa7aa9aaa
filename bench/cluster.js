/**
 * What the cluster client takes beside @kubernetes/client-node used directly: jobs created, waited for and deleted on a rehearsed control
 * plane whose pods start no process. See docs/benchmarks.md.
 *
 *     npm run bench -- --only cluster [--quick] [--repetitions 3]
 */
import { execFile, fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs, promisify } from 'node:util';
import { build } from 'esbuild';
import { BUNDLE } from '../src/rehearsal/build.js';
import { median, milliseconds, ratio, seconds, table } from './tables.js';

const WAYS = { pooled: 'direct, connections kept', direct: 'direct', unet: 'unet/cluster' };

const { values } = parseArgs({
  strict: false,
  options: { quick: { type: 'boolean' }, repetitions: { type: 'string', default: '3' } },
});
const sizes = values.quick ? [100, 250] : [250, 1000];
const repetitions = values.quick ? 1 : Number(values.repetitions);

const directory = await mkdtemp(join(tmpdir(), 'unet-bench-cluster-'));
try {
  const rows = [];
  for (const size of sizes) {
    rows.push(...rowsOf(size, await measure(size)));
  }
  const head = [
    'jobs',
    'way',
    'create',
    'wait',
    'delete',
    'in all',
    'ratio',
    'processor',
    'requests',
    'a job',
    'ratio',
  ];
  console.log(`\nJobs created, waited for and deleted (medians of ${repetitions})\n\n${table(head, rows)}`);
} finally {
  await rm(directory, { recursive: true, force: true });
}

/** In turns, each on a control plane of its own: what one has left behind slows nobody. */
async function measure(size) {
  const results = Object.fromEntries(Object.keys(WAYS).map((way) => [way, []]));
  for (let round = 0; round < repetitions; round++) {
    for (const way of Object.keys(WAYS)) {
      results[way].push(await runOnce(way, size));
    }
  }
  return results;
}

async function runOnce(way, size) {
  const server = await startServer();
  try {
    const client = fileURLToPath(new URL('cluster-clients.js', import.meta.url));
    const words = [client, way, String(size), 'bench', server.kubeconfig];
    const { stdout } = await promisify(execFile)(process.execPath, words, { timeout: 600_000 });
    const times = JSON.parse(stdout);
    const { requests } = await server.ask();
    return { ...times, total: times.create + times.wait + times.remove, requests };
  } finally {
    await server.close();
  }
}

async function startServer() {
  const bundle = join(directory, 'server');
  await build({
    ...BUNDLE,
    entryPoints: ['bench/cluster-server.js'],
    outdir: bundle,
    outExtension: { '.js': '.mjs' },
  });
  const child = fork(join(bundle, 'cluster-server.mjs'));
  const [{ kubeconfig: text }] = await once(child, 'message');
  const kubeconfig = join(directory, 'kubeconfig');
  await writeFile(kubeconfig, text, { mode: 0o600 });
  const ask = async () => {
    child.send('requests');
    const [answer] = await once(child, 'message');
    return answer;
  };
  const close = async () => {
    child.disconnect();
    await once(child, 'exit');
  };
  return { kubeconfig, ask, close };
}

function rowsOf(size, results) {
  const middle = (way, key) => median(results[way].map((result) => result[key]));
  return Object.entries(WAYS).map(([way, title]) => [
    String(size),
    title,
    ...['create', 'wait', 'remove', 'total'].map((key) => seconds(middle(way, key))),
    ratio(middle(way, 'total') / middle('pooled', 'total')),
    milliseconds(middle(way, 'cpu')),
    String(middle(way, 'requests')),
    (middle(way, 'requests') / size).toFixed(2),
    ratio(middle(way, 'requests') / middle('pooled', 'requests')),
  ]);
}
