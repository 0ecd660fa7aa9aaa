/** Templates in a cluster: objects of OpenShift's kind Template, and config maps with a label. */

import { ClusterError } from '../../cluster/index.ts';
import { UnetError } from '../../errors.ts';
import type { Cluster } from '../cluster.ts';
import { readDocuments } from '../documents.ts';
import { isJsonObject, type KubeObject } from '../object.ts';
import { sourcesOf } from './documents-source.ts';
import type { Found } from './files.ts';

/** A config map with this label, whatever its value, holds templates: one or more in each of its keys. */
export const TEMPLATE_LABEL = 'unet/template';
/** Where OpenShift keeps those for everybody. */
export const SHARED_NAMESPACE = 'openshift';

const TEMPLATE_KIND = { apiVersion: 'template.openshift.io/v1', kind: 'Template' };

/** Those of `namespace` first. A namespace that is not there, or that may not be read, has none. */
export async function clusterTemplates(
  cluster: Cluster,
  namespace: string,
  signal: AbortSignal,
): Promise<Found> {
  const found: Found = { sources: [], problems: [] };
  const hasTemplates = await cluster.isNamespaced(TEMPLATE_KIND, signal);
  for (const place of new Set([namespace, SHARED_NAMESPACE])) {
    const templates =
      hasTemplates === undefined
        ? []
        : await unlessForbidden(cluster.list(TEMPLATE_KIND, { namespace: place }, signal));
    for (const template of templates) {
      add(found, () => sourcesOf([template], '', `Template ${place}/${template.metadata.name}`));
    }
    const selection = { namespace: place, labelSelector: TEMPLATE_LABEL };
    for (const map of await unlessForbidden(
      cluster.list({ apiVersion: 'v1', kind: 'ConfigMap' }, selection, signal),
    )) {
      addConfigMap(found, map, place);
    }
  }
  return found;
}

function addConfigMap(found: Found, map: KubeObject, namespace: string): void {
  const data = isJsonObject(map.data) ? Object.entries(map.data) : [];
  for (const [key, text] of data) {
    const where = `ConfigMap ${namespace}/${map.metadata.name}: ${key}`;
    const name = data.length === 1 ? (map.metadata.name ?? key) : key.replace(/\.(ya?ml|json)$/, '');
    add(found, () => sourcesOf(readDocuments(String(text), where), name, where));
  }
}

function add(found: Found, read: () => Found['sources']): void {
  try {
    found.sources.push(...read());
  } catch (error) {
    found.problems.push(UnetError.from(error));
  }
}

async function unlessForbidden(list: Promise<KubeObject[]>): Promise<KubeObject[]> {
  try {
    return await list;
  } catch (error) {
    if (ClusterError.isCluster(error, 'Forbidden') || ClusterError.isCluster(error, 'NotFound')) {
      return [];
    }
    throw error;
  }
}
