// Builds the rehearsal release. Three entries with shared chunks: what every step starts stays small, and
// the API server and the X.509 library are loaded only where they are used.
import { cp } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const source = path.dirname(fileURLToPath(import.meta.url));

/** What all bundles of this project have in common. */
export const BUNDLE = {
  bundle: true,
  splitting: true,
  platform: 'node',
  target: 'node20.19',
  format: 'esm',
  minifySyntax: true,
  minifyWhitespace: true,
  legalComments: 'none',
  logLevel: 'warning',
  // CommonJS dependencies inside an ES module bundle still call require().
  banner: { js: "import{createRequire as __cr}from'node:module';const require=__cr(import.meta.url);" },
};

/** Lays a complete release into the directory. */
export async function buildRehearsal(directory) {
  await Promise.all([
    cp(path.join(source, 'release'), directory, { recursive: true }),
    build({
      entryPoints: ['compose', 'engine', 'unet-rehearsal-node', 'in-node', 'unet-rehearsal-container'].map(
        (name) => path.join(source, `${name}.ts`),
      ),
      outdir: path.join(directory, 'lib'),
      outExtension: { '.js': '.mjs' },
      ...BUNDLE,
    }),
  ]);
}
