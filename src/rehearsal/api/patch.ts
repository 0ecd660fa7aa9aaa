import jsonPatch, { type Operation } from 'fast-json-patch';
import { type Fields, isFields, type KubeObject } from './objects.ts';
import { badRequest, invalid, unsupportedMediaType } from './status-error.ts';
import { strategicMerge } from './strategic-merge.ts';

const patchTypes = [
  'application/json-patch+json',
  'application/merge-patch+json',
  'application/strategic-merge-patch+json',
];

/** Server-side apply: YAML, or JSON, of what one manager wants. */
export const applyPatchType = 'application/apply-patch+yaml';

/** @throws StatusError 415; a custom resource has no strategic merge */
export function checkPatchType(contentType: string, custom = false): void {
  const strategic = contentType === 'application/strategic-merge-patch+json';
  if (contentType === applyPatchType || (patchTypes.includes(contentType) && !(custom && strategic))) return;
  throw unsupportedMediaType(
    `the body of the request was in an unknown format - accepted media types include: ${[...patchTypes.filter((each) => !(custom && each.includes('strategic'))), applyPatchType].join(', ')}`,
  );
}

/**
 * Applies a patch of one of the checked types.
 *
 * @throws StatusError 400, or 422 when a JSON patch does not fit
 */
export function applyPatch(object: KubeObject, patch: unknown, contentType: string): KubeObject {
  const target = structuredClone(object);
  switch (contentType) {
    case 'application/json-patch+json':
      if (!Array.isArray(patch)) throw badRequest('a JSON patch is a list of operations');
      return applyJsonPatch(target, patch as Operation[]);
    case 'application/merge-patch+json':
      if (!isFields(patch)) throw badRequest('a merge patch is an object');
      return mergePatch(target, patch) as KubeObject;
    case 'application/strategic-merge-patch+json':
      if (!isFields(patch)) throw badRequest('a strategic merge patch is an object');
      return strategicMerge(target, patch) as KubeObject;
    default:
      throw new TypeError(`not a patch type: ${contentType}`);
  }
}

function applyJsonPatch(target: KubeObject, operations: Operation[]): KubeObject {
  try {
    return jsonPatch.applyPatch(target, operations, true).newDocument;
  } catch (error) {
    const message = (error as Error).message.split('\n')[0] ?? '';
    throw invalid(target.kind, target.metadata.name, `the server rejected our request: ${message}`);
  }
}

/** RFC 7386. */
function mergePatch(target: unknown, patch: Fields): Fields {
  const result: Fields = isFields(target) ? { ...target } : {};
  for (const [key, value] of Object.entries(patch)) {
    if (value === null) delete result[key];
    else result[key] = isFields(value) ? mergePatch(result[key], value) : value;
  }
  return result;
}
