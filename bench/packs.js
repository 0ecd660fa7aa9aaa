/**
 * npm run bench:packs: making a pack, and loading it against pulling the same image from a plain local directory, with
 * the memory that unet takes for it. Needs podman. See docs/benchmarks.md.
 *
 *     npm run bench:packs [-- --megabytes 400] [-- --rounds 3]
 */

import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import {
  createWriteStream,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { build } from 'esbuild';
import { timed } from './command.js';
import { machineMs } from './processes.js';
import { median, megabytes, ratio, seconds, table } from './tables.js';

const LIMIT_KB = 150 * 1024;
const TIMEOUT_MS = 600_000;
const NAME = 'localhost/unet-bench:1';
const UNET = new URL('../bin/unet.js', import.meta.url).pathname;

const { values } = parseArgs({
  options: {
    megabytes: { type: 'string', default: '400' },
    rounds: { type: 'string', default: '3' },
  },
});
const size = Number(values.megabytes);
const rounds = Number(values.rounds);
const aborting = new AbortController();
for (const name of ['SIGINT', 'SIGTERM']) {
  process.once(name, () => aborting.abort(new Error(`interrupted by ${name}`)));
}
const home = mkdtempSync(join(tmpdir(), 'unet-bench-packs-'));
const env = environment();
try {
  const machineBefore = machineMs();
  const startedAt = performance.now();
  await run(['podman', 'version']);
  const loader = await bundleLoader();
  const sizes = [Math.round(size / 4), size];
  const memory = [];
  for (const mb of sizes) {
    await makeImage(mb);
    memory.push(...(await memoryOf(mb, loader)));
    if (mb !== size) {
      await run(['podman', 'rmi', '--force', NAME]);
    }
  }
  const times = await race(loader);
  report(memory, times);
  const others = (machineMs() - machineBefore) / (performance.now() - startedAt);
  console.log(
    `\nCPU in use on the whole machine, these runs included: ${others.toFixed(1)} of its processors.`,
  );
  const most = Math.max(...memory.map(({ kb }) => kb));
  if (most > LIMIT_KB) {
    throw new Error(`unet took ${megabytes(most)}, which is above ${megabytes(LIMIT_KB)}`);
  }
} catch (error) {
  console.error(`bench: ${error instanceof Error ? error.message : String(error)}`);
  process.exitCode = aborting.signal.aborted ? 130 : 1;
} finally {
  await run(['podman', 'rmi', '--all', '--force']).catch(() => {});
  rmSync(home, { recursive: true, force: true });
}

/** podman with a storage of its own; each Node process notes the most memory that it has had. */
function environment() {
  const file = (name, text) => {
    writeFileSync(join(home, name), text);
    return join(home, name);
  };
  const storage = `[storage]\ndriver = "vfs"\nrunroot = "${home}/run"\ngraphroot = "${home}/graph"\n`;
  const hook = `process.on('exit', () => require('node:fs').appendFileSync(${JSON.stringify(join(home, 'memory'))},
    process.resourceUsage().maxRSS + ' ' + process.argv.slice(1).join(' ') + '\\n'));`;
  mkdirSync(join(home, 'tmp'), { mode: 0o700 });
  return {
    PATH: process.env.PATH,
    HOME: home,
    TMPDIR: join(home, 'tmp'),
    UNET_CONFIG: '/dev/null',
    CONTAINERS_STORAGE_CONF: file('storage.conf', storage),
    NODE_OPTIONS: `--require=${file('memory.cjs', hook)}`,
  };
}

function run(argv, more = {}) {
  return timed(argv, { env: { ...env, ...more }, cwd: home, timeoutMs: TIMEOUT_MS, signal: aborting.signal });
}

/** As unet does it on a node: the pack's checksums, the image into the engine. */
async function bundleLoader() {
  const outfile = join(home, 'load.mjs');
  const entry = `
    import { loadImageStream } from './src/engine/load-image.ts';
    import { memberContent, openPack } from './src/pack/reader.ts';
    const env = process.env;
    const pack = await openPack(process.argv[2]);
    const member = pack.manifest.members.find(({ kind }) => kind === 'node-image');
    const options = { env, timeoutMs: ${TIMEOUT_MS}, shown: 'it' };
    await loadImageStream({ command: ['podman'] }, memberContent(pack, member, { env }), options);`;
  await build({
    stdin: { contents: entry, resolveDir: new URL('..', import.meta.url).pathname, loader: 'ts' },
    outfile,
    bundle: true,
    platform: 'node',
    format: 'esm',
    banner: { js: "import{createRequire as __cr}from'node:module';const require=__cr(import.meta.url);" },
  });
  return outfile;
}

/** An image of which half can be compressed, as those of distributions can. */
async function makeImage(mb) {
  const root = join(home, 'root');
  mkdirSync(root, { recursive: true });
  const file = createWriteStream(join(root, 'data'));
  const line = Buffer.from('the quick brown fox jumps over the lazy dog 0123456789\n'.repeat(9000));
  for (let written = 0; written < mb; written += 1) {
    const chunk = written % 2 === 0 ? randomBytes(1_000_000) : line.subarray(0, 495_000);
    const whole = written % 2 === 0 ? chunk : Buffer.concat([chunk, chunk, randomBytes(10_000)]);
    if (!file.write(whole)) {
      await once(file, 'drain');
    }
  }
  file.end();
  await once(file, 'close');
  await run(['sh', '-c', `tar -C ${root} -c . | podman import - ${NAME}`]);
}

/** Makes and loads the pack, in each way that it can be compressed and read. */
async function memoryOf(mb, loader) {
  const release = join(home, 'release');
  mkdirSync(release, { recursive: true });
  const targets = 'up down-v kubeadm-init kubeconfig join-command kubeadm-join install-flannel';
  writeFileSync(join(release, 'Makefile'), `${targets}:\n`);
  const results = [];
  const note = async (what, argv, more) => {
    rmSync(join(home, 'memory'), { force: true });
    const { wallMs } = await run(argv, more);
    results.push({ mb, what, wallMs, kb: peakOf(argv[1]) });
  };
  for (const kind of ['gzip', 'zstd']) {
    const file = join(home, `${kind}.pack`);
    rmSync(file, { force: true });
    const words = ['--release', release, '--engine', 'podman', '--kubectl', 'none', '--node-image', NAME];
    const argv = [
      process.execPath,
      UNET,
      'pack',
      ...words,
      '--compress',
      kind,
      '-o',
      file,
      '--output',
      'json',
    ];
    await note(`make, ${kind}`, argv);
    results.at(-1).packed = statSync(file).size;
    await note(`load, ${kind}`, [process.execPath, loader, file]);
  }
  const without = join(home, 'without-zstd');
  mkdirSync(without, { recursive: true });
  writeFileSync(join(without, 'podman'), `#!/bin/sh\nPATH=${env.PATH} exec podman "$@"\n`, { mode: 0o755 });
  await note('load, zstd in JavaScript', [process.execPath, loader, join(home, 'zstd.pack')], {
    PATH: without,
  });
  return results;
}

function peakOf(program) {
  const lines = readFileSync(join(home, 'memory'), 'utf8').trim().split('\n');
  return Math.max(...lines.filter((line) => line.includes(program)).map((line) => Number.parseInt(line, 10)));
}

/** Into an empty storage each time, in turns. */
async function race(loader) {
  const plain = join(home, 'plain');
  await run(['podman', 'push', '--quiet', NAME, `dir:${plain}`]);
  const archive = join(home, 'plain.tar');
  await run(['podman', 'save', '--quiet', '--output', archive, NAME]);
  const contestants = {
    'podman pull dir:': ['podman', 'pull', '--quiet', `dir:${plain}`],
    'podman load -i, not compressed': ['podman', 'load', '--quiet', '--input', archive],
    'pack, zstd': [process.execPath, loader, join(home, 'zstd.pack')],
    'pack, gzip': [process.execPath, loader, join(home, 'gzip.pack')],
  };
  const times = Object.fromEntries(Object.keys(contestants).map((name) => [name, []]));
  for (let round = 0; round < rounds; round += 1) {
    for (const [name, argv] of Object.entries(contestants)) {
      await run(['podman', 'rmi', '--all', '--force']);
      times[name].push((await run(argv)).wallMs);
    }
  }
  return times;
}

function report(memory, times) {
  const rows = memory.map(({ mb, what, packed, wallMs, kb }) => [
    what,
    `${mb} MB`,
    packed === undefined ? '-' : `${Math.round(packed / 1e6)} MB`,
    seconds(wallMs),
    megabytes(kb),
  ]);
  console.log(table(['what', 'image', 'pack', 'time', 'peak memory of unet'], rows));
  const base = median(times['podman pull dir:']);
  const lines = Object.entries(times).map(([name, all]) => [
    name,
    seconds(median(all)),
    ratio(median(all) / base),
  ]);
  console.log(`\nAn image of ${size} MB into an empty storage, median of ${rounds} rounds:\n`);
  console.log(table(['from', 'time', 'ratio'], lines));
}
