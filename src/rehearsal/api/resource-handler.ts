import type { IncomingMessage, ServerResponse } from 'node:http';
import { contentTypeOf, readBody } from './body.ts';
import type { Identity } from './identity.ts';
import { type Fields, isFields, type KubeObject, type ObjectMeta } from './objects.ts';
import { applyPatch, checkPatchType } from './patch.ts';
import type { ResourceRequest } from './request.ts';
import { allResourceTypes, groupVersionOf, type ResourceType, resourceTypes } from './resource-types.ts';
import { fieldSelector, labelSelector, type Selector } from './selectors.ts';
import { badRequest, invalid, notFound, StatusError } from './status-error.ts';
import type { Store } from './store.ts';
import { type IncludedObject, toTable } from './table.ts';
import { serveWatch } from './watch.ts';

/** Everything that one request on a resource needs. */
export interface ResourceCall {
  request: ResourceRequest;
  identity: Identity;
  http: IncomingMessage;
  response: ServerResponse;
  store: Store;
}

/** Answers one authorized request on a stored resource. @throws StatusError */
export async function handleResource(call: ResourceCall): Promise<void> {
  const { request, store, response } = call;
  const { type, namespace, name } = request;
  switch (request.verb) {
    case 'watch':
      return watch(call);
    case 'list': {
      const items = store.list(type, namespace).filter(selectorOf(request));
      return send(response, 200, renderList(call, items));
    }
    case 'get':
      return send(response, 200, renderer(call)(store.get(type, name ?? '', namespace)));
    case 'create':
      return send(response, 201, renderer(call)(await create(call)));
    case 'update':
      return send(response, 200, await update(call));
    case 'patch':
      return send(response, 200, await patch(call));
    case 'delete':
      await readBody(call.http);
      return send(response, 200, remove(call, name ?? ''));
    case 'deletecollection': {
      await readBody(call.http);
      const items = store.list(type, namespace).filter(selectorOf(request));
      for (const item of items) remove(call, item.metadata.name, item.metadata.namespace);
      return send(response, 200, renderList(call, items));
    }
  }
}

export function send(response: ServerResponse, code: number, body: Fields): void {
  response.writeHead(code, { 'content-type': 'application/json', 'cache-control': 'no-cache, private' });
  response.end(`${JSON.stringify(body)}\n`);
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

async function create({ request, store, http, identity }: ResourceCall): Promise<KubeObject> {
  const { type, namespace } = request;
  const object = asObject(await readBody(http), type);
  if (type.namespaced) {
    const target = namespace ?? object.metadata.namespace ?? 'default';
    if (object.metadata.namespace !== undefined && object.metadata.namespace !== target) {
      throw badRequest(
        `the namespace of the provided object does not match the namespace sent on the request`,
      );
    }
    object.metadata.namespace = target;
    store.get(resourceTypes.namespaces, target);
  } else delete object.metadata.namespace;
  checkName(object, type);
  if (type === resourceTypes.signingRequests) {
    object.spec = { ...(object.spec as Fields), username: identity.name, groups: identity.groups };
  }
  if (isDryRun(request)) return { ...object, metadata: { ...object.metadata, uid: '' } };
  return store.create(type, withDefaults(type, object));
}

async function update({ request, store, http }: ResourceCall): Promise<KubeObject> {
  const { type, name = '', namespace } = request;
  const given = asObject(await readBody(http), type);
  if (given.metadata.name !== name) {
    throw badRequest(
      `the name of the object (${given.metadata.name}) does not match the name on the URL (${name})`,
    );
  }
  const current = store.get(type, name, namespace);
  if (isDryRun(request)) return given;
  return store.update(type, onlyAsked(request, current, given));
}

async function patch({ request, store, http }: ResourceCall): Promise<KubeObject> {
  const { type, name = '', namespace } = request;
  const contentType = contentTypeOf(http);
  checkPatchType(contentType);
  const body = await readBody(http);
  const current = store.get(type, name, namespace);
  const patched = applyPatch(current, body, contentType);
  if (patched.metadata?.name !== name) throw invalid(type.kind, name, 'metadata.name: field is immutable');
  const next = onlyAsked(request, current, patched);
  return isDryRun(request) ? next : store.update(type, next);
}

function remove(call: ResourceCall, name: string, namespace = call.request.namespace): Fields {
  const { request, store } = call;
  const { type } = request;
  const object = store.get(type, name, namespace);
  if (isDryRun(request)) return object;
  if (type === resourceTypes.namespaces) emptyNamespace(store, name);
  store.delete(type, name, namespace);
  return {
    kind: 'Status',
    apiVersion: 'v1',
    metadata: {},
    status: 'Success',
    details: {
      name,
      ...(type.group !== '' && { group: type.group }),
      kind: type.plural,
      uid: object.metadata.uid,
    },
  };
}

/** There are no finalizers: what is in a namespace goes with it, at once. */
function emptyNamespace(store: Store, namespace: string): void {
  if (['default', 'kube-system', 'kube-public'].includes(namespace)) {
    throw new StatusError(
      403,
      'Forbidden',
      `namespaces "${namespace}" is forbidden: this namespace may not be deleted`,
    );
  }
  for (const type of allResourceTypes.filter((candidate) => candidate.namespaced)) {
    for (const { metadata } of store.list(type, namespace)) store.delete(type, metadata.name, namespace);
  }
}

/** /status changes the status only, everything else all but the status; a namespace's is never given. */
function onlyAsked(
  { type, subresource }: ResourceRequest,
  current: KubeObject,
  given: KubeObject,
): KubeObject {
  if (!type.status) return given;
  if (subresource === 'approval' || subresource === 'finalize') return given;
  if (subresource === undefined) {
    const { status: _, ...rest } = given;
    return { ...rest, ...('status' in current && { status: current.status }) } as KubeObject;
  }
  if (subresource !== 'status') throw notFound(type, `${given.metadata.name}/${subresource}`);
  const resourceVersion = given.metadata.resourceVersion;
  return {
    ...current,
    // A kubelet sets annotations and labels through its status patch too.
    metadata: { ...given.metadata, ...(resourceVersion !== undefined && { resourceVersion }) },
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
  const metadata = (isFields(body.metadata) ? body.metadata : {}) as unknown as ObjectMeta;
  return { ...body, kind: type.kind, apiVersion: groupVersionOf(type), metadata };
}

function checkName({ metadata }: KubeObject, type: ResourceType): void {
  if (!metadata.name && !metadata.generateName) {
    throw invalid(type.kind, '', 'metadata.name: Required value: name or generateName is required');
  }
  if (metadata.name && !/^[a-z0-9A-Z]([-a-z0-9A-Z.:]*[a-z0-9A-Z])?$/.test(metadata.name)) {
    throw invalid(type.kind, metadata.name, `metadata.name: Invalid value: "${metadata.name}"`);
  }
}

function withDefaults(type: ResourceType, object: KubeObject): KubeObject {
  if (type === resourceTypes.namespaces) {
    return { spec: { finalizers: ['kubernetes'] }, ...object, status: { phase: 'Active' } };
  }
  if (type === resourceTypes.pods)
    return { ...object, status: { phase: 'Pending', ...(object.status as Fields) } };
  if (type === resourceTypes.secrets) return secretWithDefaults(object);
  return object;
}

function secretWithDefaults({ stringData, ...secret }: KubeObject): KubeObject {
  const texts = isFields(stringData) ? stringData : {};
  const encoded = Object.entries(texts).map(([key, value]) => [
    key,
    Buffer.from(String(value)).toString('base64'),
  ]);
  return {
    type: 'Opaque',
    ...secret,
    data: { ...(secret.data as Fields), ...Object.fromEntries(encoded) },
  } as KubeObject;
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

function renderList(call: ResourceCall, items: KubeObject[]): Fields {
  const { type } = call.request;
  const resourceVersion = String(call.store.revision);
  const table = tableVersion(call.http);
  if (table !== undefined) return toTable(type, items, resourceVersion, includedObject(call), table);
  // Items of a typed list carry no kind of their own.
  const bare = items.map(({ kind: _kind, apiVersion: _version, ...item }) => item);
  return {
    kind: `${type.kind}List`,
    apiVersion: groupVersionOf(type),
    metadata: { resourceVersion },
    items: bare,
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
