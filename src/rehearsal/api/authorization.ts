import type { Identity } from './identity.ts';
import type { ResourceRequest } from './request.ts';
import { resourceTypes } from './resource-types.ts';
import { allowedByRoles } from './roles.ts';
import { qualifiedName, StatusError } from './status-error.ts';
import type { Store } from './store.ts';

/** @throws StatusError 403 when the identity may not do this */
export function authorize(identity: Identity, request: ResourceRequest, store: Store): void {
  if (isAdministrator(identity)) return;
  if (identity.groups.includes('system:nodes') && nodeMay(identity, request)) return;
  if (identity.groups.includes('system:bootstrappers') && bootstrapperMay(request)) return;
  if (isClusterInfo(request) || allowedByRoles(store, identity, request)) return;
  throw forbidden(identity, request);
}

export function isAdministrator(identity: Identity): boolean {
  return identity.groups.some((group) => group === 'system:masters' || group === 'kubeadm:cluster-admins');
}

/** Node authorizer and NodeRestriction, in short: its own node, lease, pods and events; reading services. */
function nodeMay(identity: Identity, { type, verb, name, namespace, query }: ResourceRequest): boolean {
  const own = identity.name.replace('system:node:', '');
  const reading = verb === 'get' || verb === 'list' || verb === 'watch';
  switch (type) {
    case resourceTypes.nodes:
      return reading || verb === 'create' || ((verb === 'patch' || verb === 'update') && name === own);
    case resourceTypes.leases:
      return namespace === 'kube-node-lease' && (name === own || verb === 'create');
    case resourceTypes.pods:
      return reading
        ? name !== undefined || (query.get('fieldSelector') ?? '').includes(`spec.nodeName=${own}`)
        : verb === 'patch' || verb === 'delete';
    case resourceTypes.events:
      return verb === 'create' || verb === 'patch';
    case resourceTypes.signingRequests:
      return verb === 'create' || verb === 'get' || verb === 'watch';
    case resourceTypes.services:
    case resourceTypes.endpointSlices:
    case resourceTypes.configMaps:
      return reading;
    case resourceTypes.secrets:
      return verb === 'get';
    default:
      return false;
  }
}

/** What kubeadm's roles give a bootstrap token. */
function bootstrapperMay({ type, verb, name, namespace }: ResourceRequest): boolean {
  switch (type) {
    case resourceTypes.signingRequests:
      return verb === 'create' || verb === 'get' || verb === 'list' || verb === 'watch';
    case resourceTypes.nodes:
      return verb === 'get';
    case resourceTypes.configMaps:
      return (
        verb === 'get' &&
        namespace === 'kube-system' &&
        ['kubeadm-config', 'kubelet-config', 'kube-proxy'].includes(name ?? '')
      );
    default:
      return false;
  }
}

function isClusterInfo({ type, verb, name, namespace }: ResourceRequest): boolean {
  return (
    type === resourceTypes.configMaps &&
    verb === 'get' &&
    namespace === 'kube-public' &&
    name === 'cluster-info'
  );
}

function forbidden(
  identity: Identity,
  { type, verb, name, namespace, subresource }: ResourceRequest,
): StatusError {
  const resource = subresource === undefined ? type.plural : `${type.plural}/${subresource}`;
  const scope = namespace === undefined ? 'at the cluster scope' : `in the namespace "${namespace}"`;
  const target = name === undefined ? qualifiedName(type) : `${qualifiedName(type)} "${name}"`;
  return new StatusError(
    403,
    'Forbidden',
    `${target} is forbidden: User "${identity.name}" cannot ${verb} resource "${resource}" in API group "${type.group}" ${scope}`,
    {
      ...(name !== undefined && { name }),
      ...(type.group !== '' && { group: type.group }),
      kind: type.plural,
    },
  );
}
