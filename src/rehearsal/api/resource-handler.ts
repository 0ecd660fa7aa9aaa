import type { IncomingMessage, ServerResponse } from 'node:http';
import { contentTypeOf, readBody } from './body.ts';
import { withDefaults, withWorkloadDefaults } from './defaults.ts';
import { type DeleteOptions, deleteOptions, requestDeletion } from './deletion.ts';
import { recordUpdate } from './field-ownership.ts';
import type { Identity } from './identity.ts';
import { type KubeletCredentials, proxyLog } from './kubelet-proxy.ts';
import { type Fields, isFields, type KubeObject, type ObjectMeta, textAt } from './objects.ts';
import { pageOf } from './pages.ts';
import { applyPatch, applyPatchType, checkPatchType } from './patch.ts';
import { admitByQuota } from './quota.ts';
import type { ResourceRequest } from './request.ts';
import { groupVersionOf, type ResourceType, resourceTypes } from './resource-types.ts';
import { fieldSelector, labelSelector, type Selector } from './selectors.ts';
import { applied } from './server-side-apply.ts';
import { badRequest, conflict, invalid, notFound, StatusError } from './status-error.ts';
import type { Store } from './store.ts';
import { bind, evict, type IssuedToken, issueToken, scaleOf, withScale } from './subresources.ts';
import { type IncludedObject, toTable } from './table.ts';
import { validate, validateChange } from './validation.ts';
import { serveWatch } from './watch.ts';

/** Everything that one request on a resource needs. */
export interface ResourceCall {
  request: ResourceRequest;
  identity: Identity;
  http: IncomingMessage;
  response: ServerResponse;
  store: Store;
  kubelets: KubeletCredentials;
  tokens: Map<string, IssuedToken>;
}

/** Answers one authorized request on a stored resource. @throws StatusError */
export async function handleResource(call: ResourceCall): Promise<void> {
  const { request, store, response } = call;
  const { type, namespace, name, subresource } = request;
  if (subresource !== undefined && subresource !== 'status')
    return await handleSubresource(call, subresource);
  switch (request.verb) {
    case 'watch':
      return watch(call);
    case 'list': {
      const items = store.list(type, namespace).filter(selectorOf(request));
      return send(response, 200, renderList(call, items));
    }
    case 'get':
      return send(response, 200, renderer(call)(store.get(type, name ?? '', namespace)));
    case 'create': {
      const object = asObject(await readBody(call.http), type);
      return send(response, 201, renderer(call)(create(call, object)));
    }
    case 'update':
      return send(response, 200, renderer(call)(await update(call)));
    case 'patch': {
      const { object, created } = await patch(call);
      return send(response, created ? 201 : 200, renderer(call)(object));
    }
    case 'delete': {
      const options = deleteOptions(await readBody(call.http), request.query);
      return send(response, 200, remove(call, store.get(type, name ?? '', namespace), options));
    }
    case 'deletecollection': {
      const options = deleteOptions(await readBody(call.http), request.query);
      const items = store.list(type, namespace).filter(selectorOf(request));
      for (const item of items) remove(call, item, options);
      return send(response, 200, renderList(call, items));
    }
  }
}

export function send(response: ServerResponse, code: number, body: Fields): void {
  response.writeHead(code, { 'content-type': 'application/json', 'cache-control': 'no-cache, private' });
  response.end(`${JSON.stringify(body)}\n`);
}

async function handleSubresource(call: ResourceCall, subresource: string): Promise<void> {
  const { request, store, response, http } = call;
  const { type, namespace, name = '', verb } = request;
  const object = store.get(type, name, namespace);
  if (subresource === 'scale' && type.scale !== undefined) {
    return send(response, 200, await scale(call, object));
  }
  if (subresource === 'log' && type === resourceTypes.pods) {
    return await proxyLog(store, call.kubelets, object, request.query, response);
  }
  if (verb === 'create' && type === resourceTypes.pods) {
    const body = await readBody(http);
    if (subresource === 'binding') return send(response, 201, bind(store, object, body));
    if (subresource === 'eviction') return send(response, 201, evict(store, object));
    if (['exec', 'attach', 'portforward'].includes(subresource)) {
      throw badRequest('Upgrade request required: this API server speaks WebSocket here');
    }
  }
  if (verb === 'create' && subresource === 'token' && type === resourceTypes.serviceAccounts) {
    return send(response, 201, issueToken(call.tokens, object, await readBody(http)));
  }
  if (subresource === 'approval' || subresource === 'finalize') {
    const given = verb === 'patch' ? (await patch(call)).object : await update(call);
    return send(response, 200, given);
  }
  throw notFound(type, `${name}/${subresource}`);
}

async function scale(call: ResourceCall, object: KubeObject): Promise<Fields> {
  const { request, store, http } = call;
  const { type, verb } = request;
  const paths = type.scale ?? { replicas: '', statusReplicas: '', selector: '' };
  const current = scaleOf(object, paths);
  if (verb === 'get') return current;
  const contentType = contentTypeOf(http);
  const body = await readBody(http);
  if (verb === 'patch') checkPatchType(contentType);
  const asked =
    verb === 'patch'
      ? applyPatch(current as unknown as KubeObject, body, contentType.replace('strategic-', ''))
      : body;
  const next = withScale(type, object, isFields(asked) ? asked : {}, paths);
  if (isDryRun(request)) return scaleOf(next, paths);
  return scaleOf(store.update(type, recordUpdate(object, next, managerOf(call), !type.custom)), paths);
}

function watch(call: ResourceCall): void {
  const { request, store, response } = call;
  const { query } = request;
  const seconds = query.get('timeoutSeconds');
  serveWatch(
    store,
    {
      type: request.type,
      namespace: request.namespace,
      selector: selectorOf(request),
      resourceVersion: query.get('resourceVersion') ?? '',
      bookmarks: query.get('allowWatchBookmarks') === 'true',
      initialEvents: query.get('sendInitialEvents') === 'true',
      timeoutSeconds: seconds === null ? undefined : Number(seconds),
      render: renderer(call),
    },
    response,
  );
}

function create(call: ResourceCall, object: KubeObject): KubeObject {
  const { request, store, identity } = call;
  const { type, namespace } = request;
  if (type.namespaced) {
    const target = namespace ?? object.metadata.namespace ?? 'default';
    if (object.metadata.namespace !== undefined && object.metadata.namespace !== target) {
      throw badRequest(
        `the namespace of the provided object does not match the namespace sent on the request`,
      );
    }
    object.metadata.namespace = target;
    refuseTerminating(store, type, object);
  } else delete object.metadata.namespace;
  validate(type, object);
  if (type === resourceTypes.signingRequests) {
    object.spec = { ...(object.spec as Fields), username: identity.name, groups: identity.groups };
  }
  const complete = recordCreation(call, withDefaults(store, type, object));
  if (type.namespaced) admitByQuota(store, type, complete);
  if (isDryRun(request)) return { ...complete, metadata: { ...complete.metadata, uid: '' } };
  return store.create(type, complete);
}

function refuseTerminating(store: Store, type: ResourceType, { metadata }: KubeObject): void {
  const { name, namespace = '' } = metadata;
  const found = store.get(resourceTypes.namespaces, namespace);
  if (found.metadata.deletionTimestamp === undefined) return;
  throw new StatusError(
    403,
    'Forbidden',
    `${type.plural} "${name}" is forbidden: unable to create new content in namespace ${namespace} because it is being terminated`,
    { name, kind: type.plural, causes: [{ reason: 'NamespaceTerminating', field: 'metadata.namespace' }] },
  );
}

function recordCreation(call: ResourceCall, object: KubeObject): KubeObject {
  const { type } = call.request;
  // An apply has recorded its own fields.
  if (!isOwned(type) || (object.metadata.managedFields ?? []).length > 0) return object;
  return recordUpdate(undefined, object, managerOf(call), !type.custom);
}

/** What nobody applies: heartbeats would make it large. */
function isOwned(type: ResourceType): boolean {
  const heartbeats: readonly ResourceType[] = [
    resourceTypes.leases,
    resourceTypes.events,
    resourceTypes.nodes,
  ];
  return !heartbeats.includes(type);
}

async function update(call: ResourceCall): Promise<KubeObject> {
  const { request, store, http } = call;
  const { type, name = '', namespace } = request;
  const given = asObject(await readBody(http), type);
  if (given.metadata.name !== name) {
    throw badRequest(
      `the name of the object (${given.metadata.name}) does not match the name on the URL (${name})`,
    );
  }
  if (type.namespaced && namespace !== undefined) given.metadata.namespace = namespace;
  return write(call, store.get(type, name, namespace), given);
}

async function patch(call: ResourceCall): Promise<{ object: KubeObject; created: boolean }> {
  const { request, store, http } = call;
  const { type, name = '', namespace } = request;
  const contentType = contentTypeOf(http);
  checkPatchType(contentType, type.custom);
  const body = await readBody(http);
  if (contentType === applyPatchType) return apply(call, asObject(body, type));
  const current = store.get(type, name, namespace);
  const patched = applyPatch(current, body, contentType);
  if (patched.metadata?.name !== name) throw invalid(type.kind, name, 'metadata.name: field is immutable');
  return { object: write(call, current, patched), created: false };
}

/** Server-side apply: creates what is not there. */
function apply(call: ResourceCall, config: KubeObject): { object: KubeObject; created: boolean } {
  const { request, store } = call;
  const { type, name = '', namespace, query } = request;
  const manager = query.get('fieldManager');
  if (!manager) {
    throw new StatusError(
      422,
      'Invalid',
      'PatchOptions.meta.k8s.io "" is invalid: fieldManager: Required value: is required for apply patch',
    );
  }
  const { managedFields: _, resourceVersion, ...metadata } = config.metadata;
  const wanted: KubeObject = { ...config, metadata: { ...metadata, name } };
  const options = { manager, force: query.get('force') === 'true', keyed: !type.custom };
  const current = store.find(type, name, namespace);
  if (current === undefined) {
    if (request.subresource !== undefined) throw notFound(type, name);
    const empty = { apiVersion: wanted.apiVersion, kind: wanted.kind, metadata: { name } };
    return { object: create(call, applied(empty, wanted, options)), created: true };
  }
  const next = applied(current, wanted, options);
  if (resourceVersion !== undefined) next.metadata.resourceVersion = resourceVersion;
  if (request.subresource === 'status') {
    next.status = { ...(current.status as Fields), ...(wanted.status as Fields) };
  }
  return { object: write(call, current, next, false), created: false };
}

/** Replaces an object as far as the request may; and says whose its fields are now. */
function write(call: ResourceCall, current: KubeObject, given: KubeObject, record = true): KubeObject {
  const { request, store } = call;
  const { type, subresource } = request;
  const { uid } = given.metadata;
  if (uid !== undefined && uid !== '' && uid !== current.metadata.uid) {
    throw conflict(type, current.metadata.name);
  }
  const asked = withWorkloadDefaults(type, withoutServerFields(current, onlyAsked(request, current, given)));
  if (subresource === undefined) validateChange(type, current, asked);
  const tracked = record && subresource === undefined && isOwned(type);
  const next = tracked ? recordUpdate(current, asked, managerOf(call), !type.custom) : asked;
  return isDryRun(request) ? next : store.update(type, next);
}

/** A client marks nothing as being deleted, and takes no such mark away. */
function withoutServerFields(current: KubeObject, given: KubeObject): KubeObject {
  const { deletionTimestamp: _, deletionGracePeriodSeconds: _seconds, ...metadata } = given.metadata;
  const { deletionTimestamp, deletionGracePeriodSeconds } = current.metadata;
  return {
    ...given,
    metadata: {
      ...metadata,
      ...(deletionTimestamp !== undefined && { deletionTimestamp }),
      ...(deletionGracePeriodSeconds !== undefined && { deletionGracePeriodSeconds }),
    },
  };
}

/** Who writes: what the client says, else the first word of its user agent, as the real server has it. */
function managerOf({ request, http }: ResourceCall): string {
  return (
    request.query.get('fieldManager') || (http.headers['user-agent'] ?? 'unknown').split('/')[0] || 'unknown'
  );
}

function remove(call: ResourceCall, object: KubeObject, options: DeleteOptions): Fields {
  const { request, store } = call;
  const { type } = request;
  if (isDryRun(request)) return object;
  const held = requestDeletion(store, type, object, options);
  if (held !== undefined) return held;
  const { name, uid } = object.metadata;
  return {
    kind: 'Status',
    apiVersion: 'v1',
    metadata: {},
    status: 'Success',
    details: {
      name,
      ...(type.group !== '' && { group: type.group }),
      kind: type.plural,
      uid,
    },
  };
}

/** /status changes the status only, everything else all but the status. */
function onlyAsked(
  { type, subresource }: ResourceRequest,
  current: KubeObject,
  given: KubeObject,
): KubeObject {
  if (!type.status || subresource === 'approval' || subresource === 'finalize') return given;
  if (subresource === undefined) {
    const { status: _, ...rest } = given;
    return { ...rest, ...('status' in current && { status: current.status }) } as KubeObject;
  }
  return {
    ...current,
    // A kubelet sets annotations and labels through its status patch too.
    metadata: { ...current.metadata, ...given.metadata },
    status: given.status,
  };
}

function asObject(body: unknown, type: ResourceType): KubeObject {
  if (!isFields(body)) throw badRequest('the body of the request is empty or not an object');
  const { kind = type.kind, apiVersion = groupVersionOf(type) } = body;
  if (kind !== type.kind || apiVersion !== groupVersionOf(type)) {
    throw badRequest(
      `${apiVersion}, Kind=${kind} cannot be handled as a ${type.kind} (${groupVersionOf(type)})`,
    );
  }
  const metadata = { ...(isFields(body.metadata) ? body.metadata : {}) } as unknown as ObjectMeta;
  if (typeof textAt(metadata, 'name') !== 'string') throw badRequest('metadata.name is not a string');
  return { ...body, kind: type.kind, apiVersion: groupVersionOf(type), metadata };
}

function selectorOf({ query, name }: ResourceRequest): Selector {
  const labels = labelSelector(query.get('labelSelector') ?? '');
  const fields = fieldSelector(query.get('fieldSelector') ?? '');
  return (object) =>
    labels(object) && fields(object) && (name === undefined || object.metadata.name === name);
}

function isDryRun({ query }: ResourceRequest): boolean {
  return query.has('dryRun');
}

function renderList(call: ResourceCall, all: KubeObject[]): Fields {
  const { type, query, verb } = call.request;
  const { items, resourceVersion, next, remaining } =
    verb === 'list'
      ? pageOf(call.store, all, query)
      : { items: all, resourceVersion: String(call.store.revision), next: undefined, remaining: undefined };
  const more = { ...(next && { continue: next, remainingItemCount: remaining }) };
  const table = tableVersion(call.http);
  if (table !== undefined) {
    const made = toTable(type, items, resourceVersion, includedObject(call), table);
    return { ...made, metadata: { ...(made.metadata as Fields), ...more } };
  }
  // Items of a typed list carry no kind of their own; those of a custom resource do.
  const shown = type.custom ? items : items.map(({ kind: _kind, apiVersion: _version, ...item }) => item);
  return {
    kind: `${type.kind}List`,
    apiVersion: groupVersionOf(type),
    metadata: { resourceVersion, ...more },
    items: shown,
  };
}

function renderer(call: ResourceCall): (object: KubeObject) => Fields {
  const table = tableVersion(call.http);
  if (table === undefined) return (object) => object;
  return (object) =>
    toTable(call.request.type, [object], object.metadata.resourceVersion, includedObject(call), table);
}

function tableVersion({ headers }: IncomingMessage): string | undefined {
  const accept = headers.accept ?? '';
  if (!accept.includes('as=Table')) return undefined;
  return accept.includes('v=v1;') || accept.endsWith('v=v1') || !accept.includes('v1beta1')
    ? 'v1'
    : 'v1beta1';
}

function includedObject({ request }: ResourceCall): IncludedObject {
  const asked = request.query.get('includeObject');
  return asked === 'None' || asked === 'Object' ? asked : 'Metadata';
}
