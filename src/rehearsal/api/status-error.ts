import type { Fields } from './objects.ts';

/** An answer of the API server that is not a success: becomes a Status object. */
export class StatusError extends Error {
  override name = 'StatusError';
  readonly code: number;
  readonly reason: string;
  readonly details: Fields | undefined;

  constructor(code: number, reason: string, message: string, details?: Fields) {
    super(message);
    this.code = code;
    this.reason = reason;
    this.details = details;
  }

  /** The body of the response. */
  toStatus(): Fields {
    return {
      kind: 'Status',
      apiVersion: 'v1',
      metadata: {},
      status: 'Failure',
      message: this.message,
      reason: this.reason,
      ...(this.details && { details: this.details }),
      code: this.code,
    };
  }
}

interface Named {
  group: string;
  plural: string;
}

/** "configmaps" or "deployments.apps", as messages name a resource. */
export function qualifiedName(type: Named): string {
  return type.group === '' ? type.plural : `${type.plural}.${type.group}`;
}

export function notFound(type: Named, name: string): StatusError {
  return new StatusError(404, 'NotFound', `${qualifiedName(type)} "${name}" not found`, details(type, name));
}

export function alreadyExists(type: Named, name: string): StatusError {
  return new StatusError(
    409,
    'AlreadyExists',
    `${qualifiedName(type)} "${name}" already exists`,
    details(type, name),
  );
}

export function conflict(type: Named, name: string): StatusError {
  return new StatusError(
    409,
    'Conflict',
    `Operation cannot be fulfilled on ${qualifiedName(type)} "${name}": the object has been modified; please apply your changes to the latest version and try again`,
    details(type, name),
  );
}

export function badRequest(message: string): StatusError {
  return new StatusError(400, 'BadRequest', message);
}

export function invalid(kind: string, name: string, message: string): StatusError {
  return new StatusError(422, 'Invalid', `${kind} "${name}" is invalid: ${message}`, { name, kind });
}

export function unsupportedMediaType(message: string): StatusError {
  return new StatusError(415, 'UnsupportedMediaType', message);
}

function details(type: Named, name: string): Fields {
  return { name, ...(type.group !== '' && { group: type.group }), kind: type.plural };
}
