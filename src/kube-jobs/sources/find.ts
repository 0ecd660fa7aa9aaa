/** Which template a name means: a path, else one of the directories and files named, else one of the cluster. */
import { resolve } from 'node:path';
import { didYouMean } from '../../config/suggest.ts';
import { UnetError } from '../../errors.ts';
import type { Cluster } from '../cluster.ts';
import { clusterTemplates } from './cluster-templates.ts';
import { type Found, templateOfPath, templatesAt } from './files.ts';
import type { TemplateSource } from './source.ts';

export type Places = {
  /** Directories and files, as typed. */
  paths: readonly string[];
  cwd: string;
  /** Undefined: only files are looked at. */
  cluster: (() => Cluster) | undefined;
  /** Undefined: the context's. */
  namespace: string | undefined;
};

/** All templates, the first of each name. */
export async function listTemplates(places: Places, signal: AbortSignal): Promise<Found> {
  const found: Found = { sources: [], problems: [] };
  for (const path of places.paths) {
    add(found, await templatesAt(resolve(places.cwd, path)));
  }
  if (places.cluster !== undefined) {
    const cluster = places.cluster();
    const namespace = places.namespace ?? cluster.namespace;
    add(found, await clusterTemplates(cluster, namespace, signal));
  }
  return found;
}

/**
 * @throws UnetError UNET_TEMPLATE_NOT_FOUND with the nearest name, UNET_TEMPLATE_INVALID where the one that is meant is broken
 */
export async function findTemplate(
  name: string,
  places: Places,
  signal: AbortSignal,
): Promise<TemplateSource> {
  if (name.includes('/')) {
    return await ofPath(name, places.cwd);
  }
  // Most jobs name a file's template: then the cluster is not asked.
  const near = await listTemplates({ ...places, cluster: undefined }, signal);
  const inFiles = near.sources.find((source) => source.name === name);
  if (inFiles !== undefined) {
    return inFiles;
  }
  const found = await listTemplates({ ...places, paths: [] }, signal);
  const source = found.sources.find((one) => one.name === name);
  if (source !== undefined) {
    return source;
  }
  const problems = [...near.problems, ...found.problems];
  const names = [...near.sources, ...found.sources].map((one) => one.name);
  const where = places.paths.length === 0 ? '' : ` in ${places.paths.join(', ')}, nor`;
  throw new UnetError(
    'UNET_TEMPLATE_NOT_FOUND',
    [
      `there is no template ${name}${where} in the cluster${didYouMean(name, names)}`,
      ...problems.map((problem) => `not readable: ${problem.message}`),
    ].join('\n'),
    { remedy: '"unet kube get template_names" lists them; a path needs a slash: ./web.yaml' },
  );
}

async function ofPath(name: string, cwd: string): Promise<TemplateSource> {
  const { sources, problems } = await templateOfPath(resolve(cwd, name));
  const [problem] = problems;
  if (problem !== undefined) {
    throw problem;
  }
  const [source, ...more] = sources;
  if (source === undefined) {
    throw new UnetError('UNET_TEMPLATE_INVALID', `${name}: it contains no objects`);
  }
  if (more.length > 0) {
    const names = sources.map((one) => one.name).join(', ');
    throw new UnetError(
      'UNET_USAGE',
      `${name} holds several templates: name one of ${names}, with --templates ${name}`,
    );
  }
  return source;
}

function add(found: Found, { sources, problems }: Found): void {
  const names = new Set(found.sources.map(({ name }) => name));
  found.sources.push(...sources.filter(({ name }) => !names.has(name)));
  found.problems.push(...problems);
}
