/** A JSON object whose shape is not known. */
export type Fields = Record<string, unknown>;

export interface ObjectMeta {
  name: string;
  namespace?: string;
  generateName?: string;
  uid?: string;
  resourceVersion?: string;
  creationTimestamp?: string;
  deletionTimestamp?: string;
  generation?: number;
  labels?: Record<string, string>;
  annotations?: Record<string, string>;
  ownerReferences?: Fields[];
  finalizers?: string[];
  /** Seconds between deletionTimestamp and the end; only a pod has some. */
  deletionGracePeriodSeconds?: number;
  managedFields?: Fields[];
}

/** Any object that the API server stores. */
export interface KubeObject {
  apiVersion: string;
  kind: string;
  metadata: ObjectMeta;
  [field: string]: unknown;
}

export function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The value at a path of field names, undefined where one is missing. */
export function at(value: unknown, ...path: string[]): unknown {
  return path.reduce<unknown>((inner, key) => (isFields(inner) ? inner[key] : undefined), value);
}

/** The list at a path, empty where there is none. */
export function listAt(value: unknown, ...path: string[]): Fields[] {
  const found = at(value, ...path);
  return Array.isArray(found) ? found.filter(isFields) : [];
}

/** A string at a path, empty where there is none. */
export function textAt(value: unknown, ...path: string[]): string {
  const found = at(value, ...path);
  return typeof found === 'string' ? found : found === undefined || found === null ? '' : String(found);
}

/** Now, as Kubernetes writes times: whole seconds. */
export function timestamp(date = new Date()): string {
  return date.toISOString().replace(/\.\d+Z$/, 'Z');
}

/** Now, as leases write times: microseconds. */
export function microTimestamp(date = new Date()): string {
  return date.toISOString().replace('Z', '000Z');
}
