// The licences of what is bundled, beside the bundles: their authors ask for no more than that.
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

/** Writes the licence texts of the packages that went into the bundles of these esbuild metafiles. */
export async function writeLicenses(metafiles, destination) {
  const inputs = metafiles.flatMap(({ inputs }) => Object.keys(inputs));
  const folders = new Set(
    inputs.flatMap((input) => input.match(/^.*node_modules\/(?:@[^/]+\/)?[^/]+/) ?? []),
  );
  const texts = await Promise.all([...folders].sort().map(licenseOf));
  await writeFile(destination, [...new Set(texts)].join(`\n${'-'.repeat(80)}\n`));
}

async function licenseOf(folder) {
  const { name, version, license } = JSON.parse(await readFile(join(folder, 'package.json'), 'utf8'));
  const file = (await readdir(folder)).find((entry) => /^licen[cs]e/i.test(entry));
  const text = file === undefined ? '' : await readFile(join(folder, file), 'utf8');
  return `${name} ${version}: ${license}\n\n${text}`;
}
