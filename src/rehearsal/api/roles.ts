/** RBAC: what roles and their bindings allow. */
import type { Identity } from './identity.ts';
import { at, type Fields, type KubeObject, listAt, textAt } from './objects.ts';
import type { ResourceRequest } from './request.ts';
import { resourceTypes } from './resource-types.ts';
import type { Store } from './store.ts';

/** Whether a binding gives the identity a role with a rule for the request. */
export function allowedByRoles(store: Store, identity: Identity, request: ResourceRequest): boolean {
  const bindings = [
    ...store.list(resourceTypes.clusterRoleBindings),
    ...(request.namespace === undefined ? [] : store.list(resourceTypes.roleBindings, request.namespace)),
  ];
  return bindings
    .filter((binding) => listAt(binding, 'subjects').some((subject) => isSubject(subject, binding, identity)))
    .flatMap((binding) => rulesOf(store, binding))
    .some((rule) => covers(rule, request));
}

function isSubject(subject: Fields, binding: KubeObject, { name, groups }: Identity): boolean {
  if (subject.kind === 'Group') return groups.includes(String(subject.name));
  if (subject.kind === 'User') return subject.name === name;
  const namespace = subject.namespace ?? binding.metadata.namespace ?? '';
  return subject.kind === 'ServiceAccount' && name === `system:serviceaccount:${namespace}:${subject.name}`;
}

/** The roles that every cluster has; others are objects. */
const builtIn: Readonly<Record<string, Fields[]>> = {
  'cluster-admin': [{ apiGroups: ['*'], resources: ['*'], verbs: ['*'] }],
  admin: [{ apiGroups: ['*'], resources: ['*'], verbs: ['*'] }],
  edit: [{ apiGroups: ['*'], resources: ['*'], verbs: ['*'] }],
  view: [{ apiGroups: ['*'], resources: ['*'], verbs: ['get', 'list', 'watch'] }],
};

function rulesOf(store: Store, binding: KubeObject): Fields[] {
  const name = textAt(binding, 'roleRef', 'name');
  const cluster = at(binding, 'roleRef', 'kind') === 'ClusterRole';
  const role = cluster
    ? store.find(resourceTypes.clusterRoles, name)
    : store.find(resourceTypes.roles, name, binding.metadata.namespace);
  return role === undefined && cluster ? (builtIn[name] ?? []) : listAt(role, 'rules');
}

function covers(rule: Fields, { type, verb, subresource, name }: ResourceRequest): boolean {
  const resource = subresource === undefined ? type.plural : `${type.plural}/${subresource}`;
  const names = at(rule, 'resourceNames');
  return (
    has(rule.apiGroups, type.group) &&
    has(rule.resources, resource) &&
    has(rule.verbs, verb) &&
    (!Array.isArray(names) || names.length === 0 || names.includes(name))
  );
}

function has(list: unknown, value: string): boolean {
  return Array.isArray(list) && (list.includes('*') || list.includes(value));
}
