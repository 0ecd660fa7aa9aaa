/** Templates in files and directories. */
import { readdir, readFile, stat } from 'node:fs/promises';
import { basename, extname, join } from 'node:path';
import { errnoOf, errorMessage, UnetError } from '../../errors.ts';
import { readDocuments } from '../documents.ts';
import type { JsonObject } from '../object.ts';
import { chartSource, isChart } from './chart.ts';
import { sourcesOf } from './documents-source.ts';
import { isKustomization, kustomizationSource } from './kustomization.ts';
import type { TemplateSource } from './source.ts';

const EXTENSIONS = ['.yaml', '.yml', '.json'];
const MAX_BYTES = 8 * 1024 * 1024;

export type Found = { sources: TemplateSource[]; problems: UnetError[] };

/**
 * The templates at `path`: those of a file; the chart, kustomization or manifests that a directory is; or, where it holds
 * several, each of its files and directories. A broken one is a problem and hides no other.
 *
 * @throws UnetError UNET_TEMPLATE_NOT_FOUND when there is nothing at `path`
 */
export async function templatesAt(path: string): Promise<Found> {
  const kind = await stat(path).catch((error: unknown) => {
    throw new UnetError('UNET_TEMPLATE_NOT_FOUND', `${path} cannot be read: ${errnoOf(error)}`, {
      cause: error,
    });
  });
  if (!kind.isDirectory()) {
    return await attempt(() => fileSources(path));
  }
  const own = await directorySource(path);
  if (own !== undefined) {
    return { sources: [own], problems: [] };
  }
  const found: Found = { sources: [], problems: [] };
  for (const entry of (await entriesOf(path)).sort()) {
    const { sources, problems } = await attempt(() => entrySources(entry));
    found.sources.push(...sources);
    found.problems.push(...problems);
  }
  return found;
}

/** The one template that `path` itself is: for a name with a slash in it. */
export async function templateOfPath(path: string): Promise<Found> {
  const found = await templatesAt(path);
  const plain = found.sources.filter(({ form }) => form === 'manifests');
  const isDirectory = (await stat(path)).isDirectory();
  // A directory of plain files is one set of manifests, as for kubectl apply -f.
  return isDirectory && plain.length > 1 && plain.length === found.sources.length
    ? { ...found, sources: [await manifestsOf(path)] }
    : found;
}

async function entrySources(entry: string): Promise<TemplateSource[]> {
  if (!(await stat(entry)).isDirectory()) {
    return EXTENSIONS.includes(extname(entry)) ? await fileSources(entry) : [];
  }
  const own = await directorySource(entry);
  if (own !== undefined) {
    return [own];
  }
  const files = (await entriesOf(entry)).filter((file) => EXTENSIONS.includes(extname(file)));
  return files.length === 0 ? [] : [await manifestsOf(entry)];
}

async function manifestsOf(directory: string): Promise<TemplateSource> {
  const documents: JsonObject[] = [];
  for (const file of (await entriesOf(directory)).sort()) {
    if (EXTENSIONS.includes(extname(file))) {
      documents.push(...readDocuments(await textOf(file), file));
    }
  }
  const [source] = sourcesOf(documents, basename(directory), directory);
  if (source === undefined) {
    throw new UnetError('UNET_TEMPLATE_INVALID', `${directory}: it contains no objects`);
  }
  return source;
}

async function directorySource(path: string): Promise<TemplateSource | undefined> {
  const names = await readdir(path);
  if (isChart(names)) {
    return await chartSource(path);
  }
  return isKustomization(names) ? kustomizationSource(path) : undefined;
}

async function fileSources(path: string): Promise<TemplateSource[]> {
  const name = basename(path, extname(path));
  return sourcesOf(readDocuments(await textOf(path), path), name, path);
}

async function textOf(path: string): Promise<string> {
  const kind = await stat(path);
  if (!kind.isFile() || kind.size > MAX_BYTES) {
    const what = kind.isFile() ? 'larger than 8 MiB' : 'not a regular file';
    throw new UnetError('UNET_TEMPLATE_INVALID', `${path} is ${what}`);
  }
  return await readFile(path, 'utf8');
}

async function entriesOf(directory: string): Promise<string[]> {
  const names = await readdir(directory);
  return names.filter((name) => !name.startsWith('.')).map((name) => join(directory, name));
}

async function attempt(read: () => Promise<TemplateSource[]>): Promise<Found> {
  try {
    return { sources: await read(), problems: [] };
  } catch (error) {
    if (errnoOf(error) !== undefined) {
      const said = errorMessage(error);
      return { sources: [], problems: [new UnetError('UNET_TEMPLATE_INVALID', said, { cause: error })] };
    }
    return { sources: [], problems: [UnetError.from(error)] };
  }
}
