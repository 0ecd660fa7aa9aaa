/** What the API server refuses with 422: names, required fields, quantities, fields that never change. */
import { isDeepStrictEqual } from 'node:util';
import { at, type Fields, isFields, type KubeObject, listAt, textAt } from './objects.ts';
import { parseQuantity } from './quantity.ts';
import { type ResourceType, resourceTypes } from './resource-types.ts';
import { badRequest, invalid } from './status-error.ts';

const label = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/;
const subdomain = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/;
const pathSegment = /^[^/%]+$/;

const subdomainRule =
  "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character";
const labelRule =
  "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character";

/** @throws StatusError 422 with every fault, 400 for a value of the wrong form */
export function validate(type: ResourceType, object: KubeObject): void {
  checkName(type, object);
  const faults = faultsOf(type, object);
  if (faults.length > 0) throw refusal(type, object, faults);
}

/** @throws StatusError 422 when a field that never changes would */
export function validateChange(type: ResourceType, before: KubeObject, after: KubeObject): void {
  const fields = immutable.get(type) ?? [];
  const changed = fields.filter((path) => !isDeepStrictEqual(at(before, ...path), at(after, ...path)));
  const faults = changed.map((path) => `${path.join('.')}: Invalid value: field is immutable`);
  if (faults.length > 0) throw refusal(type, after, faults);
  if (type.kind !== 'CustomResourceDefinition') validate(type, after);
}

const immutable = new Map<ResourceType, string[][]>([
  [
    resourceTypes.jobs,
    [
      ['spec', 'selector'],
      ['spec', 'template'],
      ['spec', 'completions'],
    ],
  ],
  [resourceTypes.deployments, [['spec', 'selector']]],
  [
    resourceTypes.statefulSets,
    [
      ['spec', 'selector'],
      ['spec', 'serviceName'],
    ],
  ],
  [
    resourceTypes.pods,
    [
      ['spec', 'nodeName'],
      ['spec', 'restartPolicy'],
    ],
  ],
]);

function refusal(type: ResourceType, object: KubeObject, faults: readonly string[]) {
  const text = faults.length === 1 ? (faults[0] ?? '') : `[${faults.join(', ')}]`;
  return invalid(type.kind, object.metadata.name ?? '', text);
}

function checkName(type: ResourceType, { metadata }: KubeObject): void {
  if (!metadata.name && !metadata.generateName) {
    throw invalid(type.kind, '', 'metadata.name: Required value: name or generateName is required');
  }
  const name = metadata.name ?? '';
  const [form, rule] = nameForm(type);
  if (name !== '' && (!form.test(name) || name.length > (form === label ? 63 : 253))) {
    throw invalid(type.kind, name, `metadata.name: Invalid value: "${name}": ${rule}`);
  }
  for (const field of ['labels', 'annotations'] as const) {
    const pairs = Object.entries(metadata[field] ?? {});
    const wrong = pairs.find(([, value]) => typeof value !== 'string');
    if (wrong !== undefined) {
      throw badRequest(
        `${type.kind} in version "${type.version}" cannot be handled as a ${type.kind}: json: cannot unmarshal ${typeof wrong[1]} into Go struct field ObjectMeta.metadata.${field} of type string`,
      );
    }
  }
}

function nameForm(type: ResourceType): [RegExp, string] {
  if (type.group === 'rbac.authorization.k8s.io' || type === resourceTypes.signingRequests) {
    return [pathSegment, 'may not contain "/" or "%"'];
  }
  return type === resourceTypes.namespaces || type === resourceTypes.services
    ? [label, labelRule]
    : [subdomain, subdomainRule];
}

function faultsOf(type: ResourceType, object: KubeObject): string[] {
  switch (type) {
    case resourceTypes.pods:
      return podFaults(at(object, 'spec'), 'spec');
    case resourceTypes.jobs:
      return jobFaults(object);
    case resourceTypes.deployments:
    case resourceTypes.replicaSets:
    case resourceTypes.statefulSets:
    case resourceTypes.daemonSets:
      return workloadFaults(object);
    case resourceTypes.resourceQuotas:
      return quantityFaults(at(object, 'spec', 'hard'), 'spec.hard');
    case resourceTypes.services:
      return listAt(object, 'spec', 'ports').length === 0 &&
        at(object, 'spec', 'clusterIP') !== 'None' &&
        at(object, 'spec', 'type') !== 'ExternalName'
        ? ['spec.ports: Required value']
        : [];
    case resourceTypes.configMaps:
      return mapFaults(at(object, 'data'));
    default:
      return [];
  }
}

function mapFaults(data: unknown): string[] {
  if (data === undefined || data === null) return [];
  if (!isFields(data)) throw badRequest('ConfigMap in version "v1" cannot be handled as a ConfigMap: data');
  return Object.keys(data)
    .filter((key) => !/^[-._a-zA-Z0-9]+$/.test(key))
    .map(
      (key) =>
        `data[${key}]: Invalid value: "${key}": a valid config key must consist of alphanumeric characters, '-', '_' or '.'`,
    );
}

function jobFaults(job: KubeObject): string[] {
  const policy = textAt(job, 'spec', 'template', 'spec', 'restartPolicy');
  return [
    ...podFaults(at(job, 'spec', 'template', 'spec'), 'spec.template.spec'),
    ...(['Never', 'OnFailure'].includes(policy)
      ? []
      : [
          `spec.template.spec.restartPolicy: ${policy === '' ? 'Required value' : `Unsupported value: "${policy}"`}: supported values: "OnFailure", "Never"`,
        ]),
    ...negative(job, ['parallelism', 'completions', 'backoffLimit', 'ttlSecondsAfterFinished']),
  ];
}

function workloadFaults(object: KubeObject): string[] {
  const selector = at(object, 'spec', 'selector', 'matchLabels');
  const labels = at(object, 'spec', 'template', 'metadata', 'labels');
  const faults = podFaults(at(object, 'spec', 'template', 'spec'), 'spec.template.spec');
  if (!isFields(at(object, 'spec', 'selector'))) faults.push('spec.selector: Required value');
  const outside = Object.entries(isFields(selector) ? selector : {}).some(
    ([key, value]) => at(labels, key) !== value,
  );
  if (outside) {
    faults.push(
      `spec.template.metadata.labels: Invalid value: ${JSON.stringify(labels ?? {})}: \`selector\` does not match template \`labels\``,
    );
  }
  return [...faults, ...negative(object, ['replicas'])];
}

function negative(object: KubeObject, fields: readonly string[]): string[] {
  return fields
    .filter((field) => Number(at(object, 'spec', field) ?? 0) < 0)
    .map(
      (field) =>
        `spec.${field}: Invalid value: ${at(object, 'spec', field)}: must be greater than or equal to 0`,
    );
}

function podFaults(spec: unknown, path: string): string[] {
  const containers = listAt(spec, 'containers');
  if (containers.length === 0) return [`${path}.containers: Required value`];
  const volumes = new Set(listAt(spec, 'volumes').map((volume) => volume.name));
  return [...containers, ...listAt(spec, 'initContainers')].flatMap((container, i) =>
    containerFaults(container, `${path}.containers[${i}]`, volumes),
  );
}

function containerFaults(container: Fields, path: string, volumes: ReadonlySet<unknown>): string[] {
  const name = textAt(container, 'name');
  const faults: string[] = [];
  if (name === '') faults.push(`${path}.name: Required value`);
  else if (!label.test(name)) faults.push(`${path}.name: Invalid value: "${name}": ${labelRule}`);
  if (textAt(container, 'image') === '') faults.push(`${path}.image: Required value`);
  for (const field of ['limits', 'requests']) {
    faults.push(...quantityFaults(at(container, 'resources', field), `${path}.resources.${field}`));
  }
  const limits = at(container, 'resources', 'limits');
  const requests = at(container, 'resources', 'requests');
  for (const [resource, amount] of Object.entries(isFields(requests) ? requests : {})) {
    const limit = parseQuantity(at(limits, resource));
    if (limit !== undefined && (parseQuantity(amount) ?? 0) > limit) {
      faults.push(
        `${path}.resources.requests: Invalid value: "${amount}": must be less than or equal to ${resource} limit of ${at(limits, resource)}`,
      );
    }
  }
  for (const mount of listAt(container, 'volumeMounts')) {
    if (!volumes.has(mount.name)) faults.push(`${path}.volumeMounts.name: Not found: "${mount.name}"`);
  }
  return faults;
}

function quantityFaults(amounts: unknown, path: string): string[] {
  if (!isFields(amounts)) return [];
  return Object.entries(amounts)
    .filter(([, amount]) => (parseQuantity(amount) ?? -1) < 0)
    .map(
      ([resource, amount]) =>
        `${path}[${resource}]: Invalid value: "${amount}": quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'`,
    );
}
