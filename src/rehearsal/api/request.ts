import { findResourceType, type ResourceType } from './resource-types.ts';

export type Verb = 'get' | 'list' | 'watch' | 'create' | 'update' | 'patch' | 'delete' | 'deletecollection';

/** What a request on a stored resource asks for. */
export interface ResourceRequest {
  verb: Verb;
  type: ResourceType;
  namespace?: string;
  name?: string;
  subresource?: string;
  query: URLSearchParams;
}

/** Reads the path of a resource request; undefined when it is not one, or of no known kind. */
export function parseResourceRequest(
  method: string,
  url: URL,
  types: readonly ResourceType[],
): ResourceRequest | undefined {
  const parts = url.pathname.split('/').filter(Boolean).map(decodeURIComponent);
  const root = parts.shift();
  const group = root === 'api' ? '' : root === 'apis' ? parts.shift() : undefined;
  const version = parts.shift();
  if (group === undefined || version === undefined) return undefined;
  // /watch/… is the old form of ?watch=true.
  const oldWatch = parts[0] === 'watch';
  if (oldWatch) parts.shift();
  // namespaces/NAME and its /status are the namespace itself; anything deeper is inside it.
  const inside =
    parts[0] === 'namespaces' && parts.length > 2 && parts[2] !== 'status' && parts[2] !== 'finalize';
  const namespace = inside ? parts[1] : undefined;
  const [plural = '', name, subresource] = inside ? parts.slice(2) : parts;
  const type = findResourceType(types, group, version, plural);
  if (type === undefined) return undefined;
  const watching = oldWatch || ['true', '1'].includes(url.searchParams.get('watch') ?? '');
  const verb = verbOf(method, name, watching);
  if (verb === undefined) return undefined;
  return {
    verb,
    type,
    ...(namespace !== undefined && { namespace }),
    ...(name !== undefined && { name }),
    ...(subresource !== undefined && { subresource }),
    query: url.searchParams,
  };
}

function verbOf(method: string, name: string | undefined, watching: boolean): Verb | undefined {
  switch (method) {
    case 'GET':
      if (watching) return 'watch';
      return name === undefined ? 'list' : 'get';
    case 'POST':
      return 'create';
    case 'PUT':
      return 'update';
    case 'PATCH':
      return 'patch';
    case 'DELETE':
      return name === undefined ? 'deletecollection' : 'delete';
    default:
      return undefined;
  }
}
