// Bundles unet so that each process reads two or three files: a thousand nodes that load hundreds of small modules from a
// shared filesystem are a metadata storm. A bundle for each kind of process, since compiling what it does not use costs each agent
// more time than the rest of its start. Lays the rehearsal release beside them.
import { mkdir, readFile, rm } from 'node:fs/promises';
import { relative, resolve } from 'node:path';
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

// What only some processes need, and reads at once or never: a file of its own, by the path of its entry.
const APART = {
  'src/node/agent.ts': 'agent',
  'src/lead/serve.ts': 'supervisor',
  'src/attach/agent.ts': 'attached-agent',
  // The client is larger than all the rest of unet; the lead's agent alone has it.
  'src/kubernetes/index.ts': 'kubernetes',
  'src/events/terminal.ts': 'terminal',
};

const apart = {
  name: 'apart',
  setup: ({ onResolve }) => {
    onResolve({ filter: /^\.\.?\/.*\.ts$/ }, ({ path, resolveDir, kind }) => {
      const name = APART[relative(process.cwd(), resolve(resolveDir, path))];
      return kind === 'dynamic-import' && name !== undefined
        ? { path: `./${name}.js`, external: true }
        : undefined;
    });
  },
};

await rm('dist', { recursive: true, force: true });
await mkdir('dist', { recursive: true });
await buildRehearsal('dist/rehearsal');
const { version } = JSON.parse(await readFile('package.json', 'utf8'));
const own = { ...common, define: { UNET_VERSION: JSON.stringify(version) }, plugins: [apart] };
const results = await Promise.all([
  ...Object.entries({ 'src/main.ts': 'unet', 'src/resident.ts': 'resident', ...APART }).map(([entry, name]) =>
    build({ ...own, entryPoints: [entry], outfile: `dist/${name}.js` }),
  ),
]);
await writeLicenses(
  results.map(({ metafile }) => metafile),
  'dist/LICENSES.txt',
);
