/** What tells the objects of one job from all others: a label with the job's id, on each of them and on their pods. */
import { randomInt } from 'node:crypto';
import { UnetError } from '../../errors.ts';
import type { Cluster } from '../cluster.ts';
import {
  describeObject,
  isJsonObject,
  type Json,
  type JsonObject,
  type KubeObject,
  type ObjectList,
  type ObjectReference,
} from '../object.ts';
import { addLabels } from '../template/process.ts';
import { inOrder } from './order.ts';

/** Its value is the job's id. */
export const JOB_LABEL = 'unet/kube-job';

// As the server does it: no vowels, so no words (k8s.io/apimachinery/pkg/util/rand).
const NAME_CHARACTERS = 'bcdfghjklmnpqrstvwxz2456789';
const SUFFIX_LENGTH = 5;
// A generated name is cut to this by the server, too (k8s.io/apiserver/pkg/storage/names).
const MAX_GENERATED_BASE = 58;

/** Five random characters, as at the end of a pod's name. */
export function randomSuffix(): string {
  const pick = () => NAME_CHARACTERS.charAt(randomInt(NAME_CHARACTERS.length));
  return Array.from({ length: SUFFIX_LENGTH }, pick).join('');
}

/** `nginx-template-x7k2p`: fits a label and the name of an object. */
export function newJobId(template: string): string {
  const base = template
    .toLowerCase()
    .replace(/[^a-z0-9-]+/g, '-')
    .replace(/^-+/, '')
    .slice(0, 40)
    .replace(/-+$/, '');
  return `${base === '' ? 'job' : base}-${randomSuffix()}`;
}

/**
 * The list as it will be created: in order, each object with a name and, where its kind has one, a namespace, and all with
 * the job's label. A generated name is made here and not by the server, so that it is written down before the object exists.
 *
 * @throws UnetError UNET_KUBE_REFUSED for a kind that the cluster does not have, UNET_TEMPLATE_INVALID for an object that is twice
 *   in it, and a list with nothing in it
 */
export async function ownedList(
  cluster: Cluster,
  list: ObjectList,
  { id, namespace, signal }: { id: string; namespace: string; signal: AbortSignal },
): Promise<ObjectList> {
  if (list.items.length === 0) {
    throw new UnetError('UNET_TEMPLATE_INVALID', 'the template contains no objects');
  }
  const defined = new Set(list.items.flatMap(kindsDefined));
  const items: KubeObject[] = [];
  for (const object of inOrder(list.items)) {
    const namespaced = await cluster.isNamespaced(object, signal);
    if (namespaced === undefined && !defined.has(object.kind)) {
      throw new UnetError(
        'UNET_KUBE_REFUSED',
        `${describeObject(object)}: the cluster has no kind ${object.kind} in ${object.apiVersion}`,
        {
          remedy: 'is its CustomResourceDefinition or operator installed? See "kubectl api-resources"',
        },
      );
    }
    items.push(owned(object, id, namespaced === false ? undefined : namespace));
  }
  const names = items.map((item) => JSON.stringify(referenceTo(item)));
  const twice = items.find((_, index) => names.indexOf(names[index] ?? '') !== index);
  if (twice !== undefined) {
    throw new UnetError('UNET_TEMPLATE_INVALID', `${describeObject(twice)} is in the template twice`);
  }
  return { ...list, items };
}

export function referenceTo({ apiVersion, kind, metadata }: KubeObject): ObjectReference {
  const { name = '', namespace } = metadata;
  return namespace === undefined ? { apiVersion, kind, name } : { apiVersion, kind, name, namespace };
}

export function ownerOf({ metadata }: KubeObject): string | undefined {
  return metadata.labels?.[JOB_LABEL];
}

function owned(object: KubeObject, id: string, namespace: string | undefined): KubeObject {
  const { generateName, namespace: own, ...metadata } = object.metadata;
  const name = metadata.name ?? `${(generateName ?? '').slice(0, MAX_GENERATED_BASE)}${randomSuffix()}`;
  const where = namespace === undefined ? undefined : (own ?? namespace);
  const named = {
    ...object,
    metadata: { ...metadata, name, ...(where === undefined ? {} : { namespace: where }) },
  } as KubeObject;
  const labels = { [JOB_LABEL]: id };
  const rest = Object.entries(named).map(([key, value]): [string, Json] => [
    key,
    key === 'metadata' ? value : labelPods(value, labels),
  ]);
  return addLabels(Object.fromEntries(rest) as KubeObject, labels);
}

/** Adds labels to each pod template, wherever a kind has it: a map with metadata and a spec that has containers. */
function labelPods(value: Json, labels: Readonly<Record<string, string>>): Json {
  if (Array.isArray(value)) {
    return value.map((item) => labelPods(item, labels));
  }
  if (!isJsonObject(value)) {
    return value;
  }
  const inner = Object.fromEntries(
    Object.entries(value).map(([key, item]): [string, Json] => [key, labelPods(item, labels)]),
  );
  return isPodTemplate(inner) ? { ...inner, metadata: withLabels(inner.metadata, labels) } : inner;
}

function isPodTemplate({ spec, apiVersion }: JsonObject): boolean {
  return apiVersion === undefined && isJsonObject(spec) && Array.isArray(spec.containers);
}

function withLabels(metadata: Json | undefined, labels: Readonly<Record<string, string>>): Json {
  const known = isJsonObject(metadata) ? metadata : {};
  return { ...known, labels: { ...(isJsonObject(known.labels) ? known.labels : {}), ...labels } };
}

/** The kind that a CustomResourceDefinition of the same list brings. */
function kindsDefined({ kind, spec }: KubeObject): string[] {
  const names = isJsonObject(spec) && isJsonObject(spec.names) ? spec.names : {};
  return kind === 'CustomResourceDefinition' && typeof names.kind === 'string' ? [names.kind] : [];
}
