/**
 * The release on every node: out of unet's cache, and by `git clone --depth 1` on every node, in seconds and in file
 * operations on the shared filesystem. See docs/benchmarks.md for what is measured and how it is read.
 *
 *     node bench/provisioning.js [--quick] [--nodes 8] [--repetitions 3]
 */
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { machineMs } from './processes.js';
import { cached, cloneLocal, cloneShared, first } from './provisioning/contestants.js';
import { counted, hasStrace } from './provisioning/strace.js';
import { makeUpstream } from './provisioning/upstream.js';
import { bundleWorker } from './provisioning/workers.js';
import { median, ratio, seconds, table } from './tables.js';

const CONTESTANTS = { cached, first, cloneShared, cloneLocal };
const TITLES = {
  cached: 'unet, cached',
  first: 'unet, first job of all',
  cloneShared: 'clone on each node, into the home',
  cloneLocal: 'clone on each node, node-local',
};

const { values } = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    nodes: { type: 'string' },
    repetitions: { type: 'string' },
  },
});
const sizes = values.nodes?.split(',').map(Number) ?? (values.quick ? [1, 8] : [1, 8, 32]);
const repetitions = Number(values.repetitions ?? (values.quick ? 1 : 5));
const home = mkdtempSync(join(tmpdir(), 'unet-bench-provisioning-'));
const results = [];
const started = performance.now();
const busyBefore = machineMs();
try {
  const upstream = makeUpstream(join(home, 'upstream'));
  const worker = await bundleWorker(join(home, 'worker'));
  for (const nodes of sizes) {
    for (let round = 0; round < repetitions; round += 1) {
      for (const name of Object.keys(CONTESTANTS)) {
        results.push({ name, nodes, ms: await measure(name, nodes, upstream, worker) });
      }
    }
    if (hasStrace()) {
      for (const name of Object.keys(CONTESTANTS)) {
        results.push({ name, nodes, ...(await count(name, nodes, upstream, worker)) });
      }
    }
  }
  report();
} catch (error) {
  console.error(`bench: ${error instanceof Error ? error.message : String(error)}`);
  process.exitCode = 1;
} finally {
  rmSync(home, { recursive: true, force: true });
}

async function measure(name, nodes, upstream, worker) {
  const run = makeRun(nodes, upstream, worker);
  const contestant = await CONTESTANTS[name](run);
  const before = performance.now();
  await contestant.provision();
  const ms = performance.now() - before;
  rmSync(run.directory, { recursive: true, force: true });
  console.error(`${TITLES[name]}, ${nodes} nodes: ${Math.round(ms)} ms`);
  return ms;
}

/** Another run, since strace makes everything slow. */
async function count(name, nodes, upstream, worker) {
  const run = { ...makeRun(nodes, upstream, worker), log: join(home, 'strace') };
  rmSync(run.log, { recursive: true, force: true });
  mkdirSync(run.log);
  const contestant = await CONTESTANTS[name](run);
  await contestant.provision();
  const operations = counted(run.log, run.shared);
  rmSync(run.directory, { recursive: true, force: true });
  return { ...operations, fetches: contestant.fetches };
}

/** `shared` stands for the home of the cluster, `local` for what each node has by itself. */
function makeRun(nodes, upstream, worker) {
  const directory = mkdtempSync(join(home, 'run-'));
  const run = {
    nodes,
    directory,
    shared: join(directory, 'shared'),
    local: join(directory, 'local'),
    upstream,
    worker,
  };
  for (const part of [run.shared, run.local, join(run.shared, 'job'), join(run.local, 'tmp')]) {
    mkdirSync(part, { mode: 0o700 });
  }
  return run;
}

function report() {
  const middle = (name, nodes, key) =>
    median(
      results
        .filter((run) => run.name === name && run.nodes === nodes && run[key] !== undefined)
        .map((run) => run[key]),
    );
  const head = [
    'nodes',
    'way',
    'seconds',
    'ratio',
    'operations on the shared filesystem',
    'of them changes',
    'a node',
    'ratio',
    'fetches from upstream',
  ];
  const whole = (value) => (Number.isFinite(value) ? String(Math.round(value)) : '-');
  const rows = sizes.flatMap((nodes) =>
    Object.keys(CONTESTANTS).map((name) => {
      const ms = middle(name, nodes, 'ms');
      const operations = middle(name, nodes, 'operations');
      return [
        String(nodes),
        TITLES[name],
        seconds(ms),
        ratio(ms / middle('cached', nodes, 'ms')),
        whole(operations),
        whole(middle(name, nodes, 'changes')),
        whole(operations / nodes),
        ratio(operations / middle('cached', nodes, 'operations')),
        whole(middle(name, nodes, 'fetches')),
      ];
    }),
  );
  console.log(
    `\nThe release on every node (medians of ${repetitions}; ratios to unet, cached)\n\n${table(head, rows)}`,
  );
  const busy = (machineMs() - busyBefore) / ((performance.now() - started) * availableParallelism());
  console.log(
    `\n${availableParallelism()} CPUs, Node ${process.versions.node}; all of the machine was busy to ${Math.round(100 * busy)} % in the mean.` +
      (hasStrace() ? '' : ' Operations were not counted: there is no strace.'),
  );
}
