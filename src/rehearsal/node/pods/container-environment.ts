/** A container's variables and volumes. There is no mount namespace: a mount's path is rewritten where it is used. */
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { at, type Fields, isFields, type KubeObject, listAt, textAt } from '../../api/objects.ts';
import { parseQuantity } from '../../api/quantity.ts';
import { type ApiClient, ApiError } from '../api-client.ts';

/** The pod cannot start as it is: CreateContainerConfigError. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
}

export type ContainerEnvironment = { argv: string[]; env: Record<string, string>; cwd: string };

export type PodPlace = {
  client: ApiClient;
  pod: KubeObject;
  /** The pod's own directory; its volumes are in it. */
  directory: string;
  /** Variables that every container has. */
  common: Record<string, string>;
  podIp: string;
  hostIp: string;
};

/** @throws ConfigError when a ConfigMap or a Secret that it needs is not there */
export async function containerEnvironment(
  place: PodPlace,
  container: Fields,
): Promise<ContainerEnvironment> {
  const mounts = await materialize(place, container);
  const given = { ...place.common, ...(await variables(place, container)) };
  const rewritten = (text: string) => rewrite(text, mounts);
  const env = Object.fromEntries(
    Object.entries(given).map(([name, value]) => [name, name === 'PATH' ? value : rewritten(value)]),
  );
  const words = commandOf(container).map((word) => rewritten(expand(word, given)));
  const workingDir = textAt(container, 'workingDir');
  const cwd = workingDir === '' ? place.directory : rewritten(workingDir);
  return { argv: words, env, cwd };
}

/** Images whose programs are the machine's own. Others are known by their command alone. */
const shells = /(^|\/)(busybox|alpine|debian|ubuntu|bash)(:|@|$)/;

/** What a container runs; empty when only its image knows that. */
function commandOf(container: Fields): string[] {
  const words = (field: string) => {
    const list = container[field];
    return Array.isArray(list) ? list.map(String) : [];
  };
  const [command, args] = [words('command'), words('args')];
  if (command.length > 0) return [...command, ...args];
  return shells.test(textAt(container, 'image')) ? (args.length > 0 ? args : ['sh']) : [];
}

async function variables(place: PodPlace, container: Fields): Promise<Record<string, string>> {
  const result: Record<string, string> = {};
  for (const source of listAt(container, 'envFrom')) {
    const prefix = textAt(source, 'prefix');
    const values = await sourceValues(place, source);
    for (const [key, value] of Object.entries(values)) result[prefix + key] = value;
  }
  for (const variable of listAt(container, 'env')) {
    const name = textAt(variable, 'name');
    const value = isFields(variable.valueFrom)
      ? await valueFrom(place, container, variable.valueFrom)
      : expand(textAt(variable, 'value'), { ...place.common, ...result });
    if (value !== undefined) result[name] = value;
  }
  return result;
}

async function sourceValues(place: PodPlace, source: Fields): Promise<Record<string, string>> {
  const map = at(source, 'configMapRef');
  return isFields(map)
    ? readValues(place, 'configmaps', map)
    : readValues(place, 'secrets', at(source, 'secretRef'));
}

async function valueFrom(place: PodPlace, container: Fields, source: Fields): Promise<string | undefined> {
  if (isFields(source.fieldRef)) return fieldValue(place, textAt(source.fieldRef, 'fieldPath'));
  if (isFields(source.resourceFieldRef)) {
    const [field = '', resource = ''] = textAt(source.resourceFieldRef, 'resource').split('.');
    return String(parseQuantity(at(container, 'resources', field, resource)) ?? 0);
  }
  const plural = isFields(source.configMapKeyRef) ? 'configmaps' : 'secrets';
  const reference = source.configMapKeyRef ?? source.secretKeyRef;
  const values = await readValues(place, plural, reference);
  const key = textAt(reference, 'key');
  const value = values[key];
  if (value === undefined && at(reference, 'optional') !== true) {
    throw new ConfigError(`couldn't find key ${key} in ${plural} ${textAt(reference, 'name')}`);
  }
  return value;
}

function fieldValue({ pod, podIp, hostIp }: PodPlace, fieldPath: string): string {
  const key = /^metadata\.(labels|annotations)\['(.+)'\]$/.exec(fieldPath);
  if (key !== null) return textAt(pod, 'metadata', key[1] ?? '', key[2] ?? '');
  if (fieldPath === 'status.podIP') return podIp;
  if (fieldPath === 'status.hostIP') return hostIp;
  return textAt(pod, ...fieldPath.split('.'));
}

async function readValues(
  { client, pod }: PodPlace,
  plural: 'configmaps' | 'secrets',
  reference: unknown,
): Promise<Record<string, string>> {
  const name = textAt(reference, 'name') || textAt(reference, 'secretName');
  const found = await client
    .send('GET', `/api/v1/namespaces/${pod.metadata.namespace}/${plural}/${name}`)
    .catch((error: unknown) => {
      if (!(error instanceof ApiError) || error.code !== 404) throw error;
      if (at(reference, 'optional') === true) return undefined;
      throw new ConfigError(error.message);
    });
  const data = at(found, 'data');
  const decode = (value: unknown) =>
    plural === 'secrets' ? Buffer.from(String(value), 'base64').toString() : String(value);
  return Object.fromEntries(
    Object.entries(isFields(data) ? data : {}).map(([key, value]) => [key, decode(value)]),
  );
}

type Mount = { path: string; source: string };

/** Makes the volumes that the container mounts, and says where each is. */
async function materialize(place: PodPlace, container: Fields): Promise<Mount[]> {
  const mounts: Mount[] = [];
  for (const mount of listAt(container, 'volumeMounts')) {
    const volume = listAt(place.pod, 'spec', 'volumes').find(({ name }) => name === mount.name) ?? {};
    const source = path.join(await volumeDirectory(place, volume), textAt(mount, 'subPath'));
    mounts.push({ path: textAt(mount, 'mountPath').replace(/(?<=.)\/$/, ''), source });
  }
  return mounts.sort((a, b) => b.path.length - a.path.length);
}

async function volumeDirectory(place: PodPlace, volume: Fields): Promise<string> {
  const hostPath = textAt(volume, 'hostPath', 'path');
  if (hostPath !== '') return hostPath;
  const directory = path.join(place.directory, 'volumes', textAt(volume, 'name'));
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  if (isFields(volume.configMap) || isFields(volume.secret)) {
    const plural = isFields(volume.configMap) ? 'configmaps' : 'secrets';
    const reference = (volume.configMap ?? volume.secret) as Fields;
    const values = await readValues(place, plural, reference);
    const items = listAt(reference, 'items');
    const files =
      items.length > 0
        ? items.map((item) => [textAt(item, 'path'), values[textAt(item, 'key')] ?? ''] as const)
        : Object.entries(values);
    for (const [name, value] of files) {
      const file = path.join(directory, name);
      mkdirSync(path.dirname(file), { recursive: true });
      writeFileSync(file, value, { mode: 0o700 });
    }
  }
  return directory;
}

/** A mount's path, and what is below it, as it is on this machine. */
function rewrite(text: string, mounts: readonly Mount[]): string {
  const [first] = mounts;
  if (first === undefined) return text;
  const alternatives = mounts.map((mount) => mount.path.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')).join('|');
  const expression = new RegExp(`(?<![\\w./-])(${alternatives})(?![\\w.-])`, 'g');
  return text.replace(expression, (found) => mounts.find((mount) => mount.path === found)?.source ?? found);
}

/** `$(NAME)` in commands and values; `$$(NAME)` is left as `$(NAME)`. */
function expand(text: string, values: Readonly<Record<string, string>>): string {
  return text.replace(/(\$?)\$\(([\w.-]+)\)/g, (whole, escaped: string, name: string) =>
    escaped === '$' ? `$(${name})` : (values[name] ?? whole),
  );
}
