/**
 * npm run bench: unet's own overhead over the critical path of the rehearsed steps, beside straight.sh, which runs the
 * same steps. See docs/benchmarks.md for what is measured and how it is read.
 *
 *     npm run bench [-- --quick] [-- --nodes 8] [-- --scale 0.25]
 */
import { accessSync, constants, cpSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { availableParallelism, tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { script, unet } from './contestants.js';
import { criticalPath, NOTHING, rehearsalOf, scaled } from './critical-path.js';
import { machineMs, processesOf } from './processes.js';
import { report } from './report.js';
import { median } from './tables.js';
import { verify } from './verify.js';

const CONTESTANTS = { unet, script };
// What a full run may take; repetitions that do not fit any more are left out, and the table says so.
const BUDGET_MS = 15 * 60_000;
// Of all CPUs, what others may use during a run. A run that was disturbed more is repeated, within bounds.
const DISTURBED = 0.1;
const EXTRA_ROUNDS = 2;
// So many undisturbed runs count alone.
const ENOUGH = 3;
// A process that was told to end and has answered may need a moment to be gone.
const GONE_MS = 1000;
// The ports of a node are four of ten. Below the ephemeral ports (32768) and above those that unet itself takes.
const FIRST_PORTS = [24_000, 25_000, 26_000, 27_000, 28_000];

const { values } = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    nodes: { type: 'string' },
    repetitions: { type: 'string' },
    scale: { type: 'string' },
  },
});
const scale = Number(values.scale ?? (values.quick ? 0.25 : 1));
if (!(scale > 0)) {
  console.error('bench: --scale takes a part of the recorded times, such as 0.25');
  process.exit(2);
}
const plan = makePlan();
const aborting = new AbortController();
for (const name of ['SIGINT', 'SIGTERM']) {
  process.once(name, () => aborting.abort(new Error(`interrupted by ${name}`)));
}
refuseWithout('make', 'bash', 'kubectl');
const started = performance.now();
const home = mkdtempSync(join(tmpdir(), 'unet-bench-'));
const results = [];
try {
  // A copy: whoever builds in the working tree meanwhile must not change what is measured.
  const installation = join(home, 'unet');
  for (const name of ['bin', 'dist', 'package.json']) {
    cpSync(new URL(`../${name}`, import.meta.url), join(installation, name), { recursive: true });
  }
  const firstPort = await freePorts(Math.max(...plan.map(({ nodes }) => nodes)));
  const cache = join(home, 'cache');
  const run = async (item) => {
    for (const name of Object.keys(CONTESTANTS)) {
      if (performance.now() - started < BUDGET_MS) {
        results.push(await measure(name, { ...item, installation, cache, firstPort }));
      }
    }
  };
  for (const item of plan) {
    for (let round = 0; round < item.repetitions; round += 1) {
      await run(item);
    }
  }
  for (let round = 0; round < EXTRA_ROUNDS; round += 1) {
    for (const item of plan.filter(wasDisturbed)) {
      await run(item);
    }
  }
  report(plan, quietest(), scale);
  console.log(
    `\nAfter each of the ${results.length} bring-ups no process and no file was left. ${machine()}`,
  );
} catch (error) {
  console.error(`bench: ${error instanceof Error ? error.message : String(error)}`);
  process.exitCode = aborting.signal.aborted ? 130 : 1;
} finally {
  rmSync(home, { recursive: true, force: true });
}

/** What is measured, the small ones first. `steps`: `timed` with the recorded times scaled, `none` with no delay. */
function makePlan() {
  const sizes = values.nodes?.split(',').map(Number) ?? (values.quick ? [2, 8] : [2, 8, 32]);
  const repetitions = Number(values.repetitions ?? (values.quick ? 1 : 3));
  return [scaled(scale), NOTHING].flatMap((delays) =>
    sizes.map((nodes) => ({
      nodes,
      delays,
      steps: delays === NOTHING ? 'none' : 'timed',
      repetitions,
      pathMs: criticalPath(delays),
    })),
  );
}

function runsOf({ nodes, steps }, name) {
  return results.filter((run) => run.nodes === nodes && run.steps === steps && run.name === name);
}

function enough({ repetitions }) {
  return Math.min(repetitions, ENOUGH);
}

function wasDisturbed(item) {
  return Object.keys(CONTESTANTS).some(
    (name) => runsOf(item, name).filter(({ others }) => others < DISTURBED).length < enough(item),
  );
}

/** The runs that count: those that others did not disturb, or the least disturbed where these are too few. */
function quietest() {
  return plan.flatMap((item) =>
    Object.keys(CONTESTANTS).flatMap((name) => {
      const runs = runsOf(item, name).toSorted((a, b) => a.others - b.others);
      const quiet = runs.filter(({ others }) => others < DISTURBED);
      return quiet.length >= enough(item) ? quiet : runs.slice(0, item.repetitions);
    }),
  );
}

async function measure(name, { installation, cache, nodes, delays, steps, firstPort }) {
  const directory = mkdtempSync(join(home, 'run-'));
  for (const part of ['home', 'tmp', 'jobs', 'nodes']) {
    mkdirSync(join(directory, part), { mode: 0o700 });
  }
  const { signal } = aborting;
  const contestant = CONTESTANTS[name]({
    installation,
    directory,
    cache,
    nodes,
    delays,
    rehearsal: rehearsalOf(delays),
    firstPort,
    signal,
  });
  const busyBefore = machineMs();
  let measured;
  let down;
  try {
    measured = await contestant.up();
    measured.others = othersShare(machineMs() - busyBefore, measured);
    const unaddressed = await verify(contestant.kubeconfig, nodes);
    measured = { ...measured, unaddressed };
  } finally {
    down = await contestant.down();
    await leaveNothing(directory);
  }
  const { wallMs, cpuMs, others } = measured;
  const overheadMs = wallMs - criticalPath(delays);
  console.error(
    `${name.padEnd(6)} ${nodes} nodes, steps ${steps}: ${Math.round(wallMs)} ms, overhead ${Math.round(overheadMs)} ms, ` +
      `CPU ${Math.round(cpuMs)} ms, down ${Math.round(down.wallMs)} ms, others ${percent(others)}`,
  );
  return { ...measured, name, nodes, steps, overheadMs, downMs: down.wallMs };
}

/** What part of all CPU time during a run was used by processes that are not the run's. */
function othersShare(busyMs, { wallMs, cpuMs, processes }) {
  const rehearsedMs = processes
    .filter(({ role }) => role === 'rehearsal')
    .reduce((sum, { ownMs }) => sum + ownMs, 0);
  return Math.max(0, busyMs - cpuMs - rehearsedMs) / (wallMs * availableParallelism());
}

/** @throws Error naming what is left, after ending and removing it. */
async function leaveNothing(directory) {
  const deadline = performance.now() + GONE_MS;
  let left = processesOf(directory);
  while (left.length > 0 && performance.now() < deadline) {
    await sleep(20);
    left = processesOf(directory);
  }
  // What kubectl caches in its home is its own way.
  rmSync(join(directory, 'home'), { recursive: true, force: true });
  const files = readdirSync(directory, { recursive: true, withFileTypes: true })
    .map((entry) => join(entry.parentPath, entry.name).slice(directory.length + 1))
    .filter((path) => !['tmp', 'jobs', 'nodes'].includes(path));
  for (const { pid } of left) {
    process.kill(pid, 'SIGKILL');
  }
  rmSync(directory, { recursive: true, force: true });
  if (left.length > 0 || files.length > 0) {
    const processes = left.map(({ pid, args }) => `process ${pid}: ${args}`);
    throw new Error(['left behind:', ...processes, ...files.slice(0, 20)].join('\n  '));
  }
}

async function freePorts(nodes) {
  for (const first of FIRST_PORTS) {
    const ports = Array.from({ length: nodes }, (_, i) => [0, 1, 2, 3].map((n) => first + 10 * i + n)).flat();
    const free = await Promise.all(ports.map(isFree));
    if (free.every(Boolean)) {
      return first;
    }
  }
  throw new Error('no free ports for the script');
}

function isFree(port) {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen({ port, host: '0.0.0.0', exclusive: true }, () => server.close(() => resolve(true)));
  });
}

function refuseWithout(...programs) {
  const directories = (process.env.PATH ?? '').split(delimiter);
  for (const program of programs) {
    if (!directories.some((directory) => isExecutable(join(directory, program)))) {
      console.error(
        `bench: ${program} is not on PATH${program === 'kubectl' ? '; the shell script needs it' : ''}`,
      );
      process.exit(2);
    }
  }
}

function isExecutable(file) {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

function machine() {
  const shares = quietest().map(({ others }) => others);
  const took = Math.round((performance.now() - started) / 1000);
  return (
    `${availableParallelism()} CPUs, Node ${process.versions.node}, ${took} s in all; ` +
    `in the runs that count others used ${percent(median(shares))} of the CPUs (at most ${percent(Math.max(...shares))}).`
  );
}

function percent(share) {
  return `${Math.round(100 * share)} %`;
}
