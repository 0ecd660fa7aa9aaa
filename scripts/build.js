// Bundles unet so that each process reads a few files: a thousand nodes that load hundreds of small modules from a
// shared filesystem are a metadata storm. One bundle for each kind of process; what a process imports only when it needs it is a chunk
// of its own. The rehearsal release is laid beside them.
import { execFile } from 'node:child_process';
import { chmod, copyFile, mkdir, readFile, rm } from 'node:fs/promises';
import { resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { build } from 'esbuild';
import { BUNDLE, buildRehearsal } from '../src/rehearsal/build.js';
import { writeLicenses } from './licenses.js';

const ENTRIES = {
  unet: 'src/main/unet.ts',
  supervisor: 'src/main/supervisor.ts',
  agent: 'src/main/agent.ts',
  guardian: 'src/main/guardian.ts',
  // What the package exports as unet/cluster.
  cluster: 'src/cluster/index.ts',
};

// What runs in Flux, in the only languages that it has a library for.
const FLUX_PROGRAMS = ['unet_kube_bridge.py', 'unet_kube_frobnicator.py'];

const { version } = JSON.parse(await readFile('package.json', 'utf8'));
await rm('dist', { recursive: true, force: true });
await mkdir('dist', { recursive: true });
await buildRehearsal('dist/rehearsal');
const results = await Promise.all(
  Object.entries(ENTRIES).map(([name, entry]) =>
    build({
      ...BUNDLE,
      metafile: true,
      outdir: 'dist',
      define: { UNET_VERSION: JSON.stringify(version) },
      entryPoints: { [name]: entry },
      chunkNames: `${name}-[name]-[hash]`,
    }),
  ),
);
await Promise.all(FLUX_PROGRAMS.map((name) => copyFile(`src/kube-jobs/flux/${name}`, `dist/${name}`)));
await packRehearsal();
await declareTypes();
await writeLicenses(
  results.map(({ metafile }) => metafile),
  'dist/LICENSES.txt',
);

/** The types of unet/cluster, for programs that import it. */
async function declareTypes() {
  const compiler = fileURLToPath(new URL('../node_modules/typescript/bin/tsc', import.meta.url));
  await promisify(execFile)(process.execPath, [compiler, '--project', 'tsconfig.types.json']);
}

/** Each job's supervisor would make the same archive of the rehearsal release, so it is made here. */
async function packRehearsal() {
  const outfile = resolve('dist/write-archive.mjs');
  await build({ ...BUNDLE, splitting: false, entryPoints: ['src/provision/archive.ts'], outfile });
  const { writeArchive } = await import(pathToFileURL(outfile).href);
  await writeArchive('dist/rehearsal', 'dist/rehearsal.tar');
  await chmod('dist/rehearsal.tar', 0o644);
  await rm(outfile);
}
