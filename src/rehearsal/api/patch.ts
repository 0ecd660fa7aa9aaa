import jsonPatch, { type Operation } from 'fast-json-patch';
import { type Fields, isFields, type KubeObject } from './objects.ts';
import { badRequest, invalid, unsupportedMediaType } from './status-error.ts';
import { strategicMerge } from './strategic-merge.ts';

/**
 * Applies a patch of any of the kinds that clients send; apply-patch (server-side apply) is not one.
 *
 * @throws StatusError 400, 415, or 422 when a JSON patch does not fit
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
      throw unsupportedMediaType(
        `the body of the request was in an unknown format - accepted media types include: application/json-patch+json, application/merge-patch+json, application/strategic-merge-patch+json`,
      );
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
