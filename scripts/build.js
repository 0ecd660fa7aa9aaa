// Bundles unet so that each process reads one file: a thousand nodes that load hundreds of small modules from a shared
// filesystem are a metadata storm. One file a kind of process, since compiling what it does not use costs each agent
// more time than the rest of its start. Lays the rehearsal release beside them.
import { mkdir, readFile, rm } from 'node:fs/promises';
import { build } from 'esbuild';
import { buildRehearsal } from '../src/rehearsal/build.js';
import { writeLicenses } from './licenses.js';

const common = {
  bundle: true,
  platform: 'node',
  target: 'node20.19',
  format: 'esm',
  minifySyntax: true,
  minifyWhitespace: true,
  legalComments: 'none',
  logLevel: 'warning',
  metafile: true,
  // CommonJS dependencies inside an ES module bundle still call require().
  banner: { js: "import{createRequire as __cr}from'node:module';const require=__cr(import.meta.url);" },
};

// The Kubernetes client is larger than the rest of unet, and only the lead's agent needs it.
const kubernetesApart = {
  name: 'kubernetes-apart',
  setup: ({ onResolve }) => {
    onResolve({ filter: /\/kubernetes\/index\.ts$/ }, () => ({ path: './kubernetes.js', external: true }));
  },
};

await rm('dist', { recursive: true, force: true });
await mkdir('dist', { recursive: true });
await buildRehearsal('dist/rehearsal');
const { version } = JSON.parse(await readFile('package.json', 'utf8'));
const own = { ...common, define: { UNET_VERSION: JSON.stringify(version) }, plugins: [kubernetesApart] };
const results = await Promise.all([
  build({ ...own, entryPoints: ['src/main.ts'], outfile: 'dist/unet.js' }),
  build({ ...own, entryPoints: ['src/resident.ts'], outfile: 'dist/resident.js' }),
  build({ ...common, entryPoints: ['src/kubernetes/index.ts'], outfile: 'dist/kubernetes.js' }),
]);
await writeLicenses(
  results.map(({ metafile }) => metafile),
  'dist/LICENSES.txt',
);
