/** Objects of Kubernetes as they stand in files, templates and lists: any kind, known or not. */
import * as z from 'zod';
import { UnetError } from '../errors.ts';

export type Json = null | boolean | number | string | Json[] | { [key: string]: Json };
export type JsonObject = { [key: string]: Json };

/** An object that can be created. */
export type KubeObject = JsonObject & { apiVersion: string; kind: string; metadata: ObjectMetadata };

export type ObjectMetadata = JsonObject & {
  name?: string;
  generateName?: string;
  namespace?: string;
  labels?: { [key: string]: string };
  annotations?: { [key: string]: string };
};

/** What a name in a list needs to be found again. */
export type ObjectReference = { apiVersion: string; kind: string; name: string; namespace?: string };

/** The result of a template: one list. */
export type ObjectList = { apiVersion: 'v1'; kind: 'List'; items: KubeObject[] };

const Labels = z.record(z.string(), z.string());
const Metadata = z.looseObject({
  name: z.string().min(1).optional(),
  generateName: z.string().min(1).optional(),
  namespace: z.string().optional(),
  labels: Labels.nullish().transform((labels) => labels ?? undefined),
  annotations: Labels.nullish().transform((annotations) => annotations ?? undefined),
});
const ManifestObject = z.looseObject({
  apiVersion: z.string().min(1),
  kind: z.string().min(1),
  metadata: Metadata,
});

/**
 * Reads `value` as an object of Kubernetes.
 *
 * @param where for the error: a file, or a template
 * @param path of the object in there
 * @throws UnetError UNET_TEMPLATE_INVALID with a line for each thing that is wrong
 */
export function readObject(value: unknown, where: string, path: readonly PropertyKey[] = []): KubeObject {
  const read = ManifestObject.safeParse(value);
  if (!read.success) {
    const lines = violations(read.error, path).map(({ at, what }) => `${where}: ${at}: ${what}`);
    throw new UnetError('UNET_TEMPLATE_INVALID', lines.join('\n'));
  }
  const { metadata } = read.data;
  if (metadata.name === undefined && metadata.generateName === undefined) {
    const at = pathText([...path, 'metadata', 'name']);
    throw new UnetError('UNET_TEMPLATE_INVALID', `${where}: ${at}: is missing`);
  }
  return withoutUndefined(read.data) as KubeObject;
}

/** "Pod web", as errors and reports name an object. */
export function describeObject({ kind, metadata }: KubeObject): string {
  return `${kind} ${metadata.name ?? `${metadata.generateName}*`}`;
}

export type Violation = { path: PropertyKey[]; at: string; what: string };

/** What is wrong, each with its path below `prefix`. */
export function violations(error: z.ZodError, prefix: readonly PropertyKey[] = []): Violation[] {
  return error.issues.map((issue) => {
    const path = [...prefix, ...issue.path];
    return { path, at: pathText(path), what: complaint(issue) };
  });
}

/** `tasks[0].command`. */
export function pathText(path: readonly PropertyKey[]): string {
  return path
    .map((part) => (typeof part === 'number' ? `[${part}]` : `.${String(part)}`))
    .join('')
    .replace(/^\./, '');
}

/** The maps in a list; none where it is no list. */
export function objectsIn(value: unknown): JsonObject[] {
  return Array.isArray(value) ? value.filter(isJsonObject) : [];
}

function complaint(issue: z.core.$ZodIssue): string {
  if (issue.code === 'invalid_type' && /received undefined/.test(issue.message)) {
    return 'is missing';
  }
  return issue.code === 'invalid_type' ? `is not ${article(issue.expected)}` : issue.message;
}

export function isJsonObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function article(noun: string): string {
  const name = { record: 'map', object: 'map', array: 'list' }[noun] ?? noun;
  return /^[aeiou]/.test(name) ? `an ${name}` : `a ${name}`;
}

/** JSON has no undefined, and the zod schema makes some. */
function withoutUndefined(value: object): unknown {
  return JSON.parse(JSON.stringify(value));
}
