// Bundles unet so that each process reads a few files: a thousand nodes that load hundreds of small modules from a
// shared filesystem are a metadata storm. A bundle for each kind of process, since compiling what it does not use costs each agent
// more time than the rest of its start. Lays the rehearsal release beside them.
import { createHash } from 'node:crypto';
import { chmod, copyFile, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { relative, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { build } from 'esbuild';
import { BUNDLE, buildRehearsal } from '../src/rehearsal/build.js';
import { writeLicenses } from './licenses.js';

const COMMANDS = { 'src/all-commands.ts': 'unet', 'src/everyday-commands.ts': 'everyday' };
const RESIDENT = { 'src/early.ts': 'early', 'src/spare.ts': 'spare', 'src/resident.ts': 'resident' };
// What src/process/compiled.ts loads: each whole, as what is compiled of a file is kept with that file.
const COMPILED = {
  'src/node/agent.ts': 'agent',
  'src/attach/agent.ts': 'attached-agent',
  'src/lead/serve.ts': 'supervisor',
  // The client is larger than all the rest of unet; the lead's agent alone has it.
  'src/kubernetes/index.ts': 'kubernetes',
};
// What commands import when they need it.
const APART = { 'src/events/terminal.ts': 'terminal', 'src/cli/kube-commands.ts': 'kube' };
// What runs in Flux, in the only languages that it has a library for.
const FLUX_PROGRAMS = ['unet_kube_bridge.py', 'unet_kube_frobnicator.py'];
const FILES = {
  ...Object.fromEntries(Object.entries(COMPILED).map(([source, name]) => [source, `${name}.cjs`])),
  ...Object.fromEntries(Object.entries(APART).map(([source, name]) => [source, `${name}.js`])),
};

// yargs brings three newer ones that each make an Intl.Segmenter and an expression of all emoji as they are loaded: 30 ms of every
// command. Its help has no emoji; the terminal's view, which may, keeps its own.
const ONE_STRING_WIDTH = { alias: { 'string-width': resolve('node_modules/string-width/index.js') } };

const apart = {
  name: 'apart',
  setup: ({ onResolve }) => {
    onResolve({ filter: /^\.\.?\/.*\.ts$/ }, ({ path, resolveDir, kind }) => {
      const file = FILES[relative(process.cwd(), resolve(resolveDir, path))];
      // require() where import() is made one; see buildCompiled.
      return file !== undefined && ['dynamic-import', 'require-call'].includes(kind)
        ? { path: `./${file}`, external: true }
        : undefined;
    });
  },
};

const { version } = JSON.parse(await readFile('package.json', 'utf8'));
// Split: what is imported when it is needed is a file of its own.
const common = {
  ...BUNDLE,
  metafile: true,
  outdir: 'dist',
  define: { UNET_VERSION: JSON.stringify(version) },
  plugins: [apart],
};

await rm('dist', { recursive: true, force: true });
await mkdir('dist', { recursive: true });
await buildRehearsal('dist/rehearsal');
const results = await Promise.all(
  Object.entries({ ...COMMANDS, ...RESIDENT, ...APART }).map(([entry, name]) =>
    build({
      ...common,
      ...(COMMANDS[entry] === undefined ? {} : ONE_STRING_WIDTH),
      entryPoints: { [name]: entry },
      chunkNames: `${name}-[name]-[hash]`,
    }),
  ),
);
results.push(
  ...(await Promise.all(Object.entries(COMPILED).map(([entry, name]) => buildCompiled(entry, name)))),
);
await Promise.all(FLUX_PROGRAMS.map((name) => copyFile(`src/kube-jobs/flux/${name}`, `dist/${name}`)));
await packRehearsal();
await writeLicenses(
  results.map(({ metafile }) => metafile),
  'dist/LICENSES.txt',
);

/** A script that says in its first line which it is. */
async function buildCompiled(entry, name) {
  const result = await build({
    ...common,
    splitting: false,
    format: 'cjs',
    // import() becomes require(), which is the loader's own.
    supported: { 'dynamic-import': false },
    entryPoints: { [name]: entry },
    outExtension: { '.js': '.cjs' },
    banner: { js: "const __url=require('node:url').pathToFileURL(__filename).href;" },
    define: { ...common.define, 'import.meta.url': '__url' },
    write: false,
  });
  const [{ contents, path }] = result.outputFiles;
  const sum = createHash('sha256').update(contents).digest('hex').slice(0, 16);
  await writeFile(path, Buffer.concat([Buffer.from(`//${name} ${sum}\n`), contents]));
  return result;
}

/** Each job's supervisor would make the same archive of it; so it is made here. */
async function packRehearsal() {
  const outfile = resolve('dist/write-archive.mjs');
  await build({ ...BUNDLE, splitting: false, entryPoints: ['src/provision/archive.ts'], outfile });
  const { writeArchive } = await import(pathToFileURL(outfile).href);
  await writeArchive('dist/rehearsal', 'dist/rehearsal.tar');
  await chmod('dist/rehearsal.tar', 0o644);
  await rm(outfile);
}
