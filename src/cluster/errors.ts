/** What can go wrong with a cluster, told apart so that a program can decide. */
import { type ErrorCode, errnoOf, errorMessage, UnetError } from '../errors.ts';

/** Each reason with the stable code of its error. */
const CODES = {
  NotFound: 'UNET_CLUSTER_NOT_FOUND',
  AlreadyExists: 'UNET_CLUSTER_ALREADY_EXISTS',
  Conflict: 'UNET_CLUSTER_CONFLICT',
  Unauthorized: 'UNET_CLUSTER_UNAUTHORIZED',
  Forbidden: 'UNET_CLUSTER_FORBIDDEN',
  Invalid: 'UNET_CLUSTER_INVALID',
  QuotaExceeded: 'UNET_CLUSTER_QUOTA_EXCEEDED',
  Timeout: 'UNET_CLUSTER_TIMEOUT',
  Unreachable: 'UNET_CLUSTER_UNREACHABLE',
  TLS: 'UNET_CLUSTER_TLS',
  /** What was asked for is no longer known there: a revision of a watch or of a list. 410. */
  Expired: 'UNET_CLUSTER_EXPIRED',
  /** The server asks for less, still after all tries. 429. */
  TooManyRequests: 'UNET_CLUSTER_BUSY',
  /** The server has failed. 5xx. */
  Server: 'UNET_CLUSTER_SERVER',
  /** The cluster has no such thing (a Deployment on Nomad, a kind whose definition is not there). */
  Unsupported: 'UNET_CLUSTER_UNSUPPORTED',
} as const satisfies Record<string, ErrorCode>;

export type ClusterErrorReason = keyof typeof CODES;

export type ClusterErrorDetails = {
  /** The HTTP status of the answer, where there was one. */
  status?: number | undefined;
  /** The server's own answer, parsed. */
  body?: unknown;
  /** How long the server asked to wait, in milliseconds. */
  retryAfterMs?: number | undefined;
  remedy?: string | undefined;
  cause?: unknown;
};

const BRAND = Symbol.for('unet.ClusterError');

/** An error of a cluster. `reason` says which. */
export class ClusterError extends UnetError {
  readonly reason: ClusterErrorReason;
  readonly status: number | undefined;
  readonly body: unknown;
  readonly retryAfterMs: number | undefined;
  readonly [BRAND] = true;

  constructor(reason: ClusterErrorReason, message: string, details: ClusterErrorDetails = {}) {
    super(CODES[reason], message, { remedy: details.remedy, cause: details.cause });
    this.reason = reason;
    this.status = details.status;
    this.body = details.body;
    this.retryAfterMs = details.retryAfterMs;
  }

  /** Whether it is an error of a cluster; with `reason`, one for this reason. */
  static isCluster(error: unknown, reason?: ClusterErrorReason): error is ClusterError {
    if (!(error instanceof Error && BRAND in error)) {
      return false;
    }
    return reason === undefined || (error as ClusterError).reason === reason;
  }
}

/** The value, or null where there is no such thing. Other errors pass. */
export async function orNull<T>(promise: Promise<T>): Promise<T | null> {
  try {
    return await promise;
  } catch (error) {
    if (ClusterError.isCluster(error, 'NotFound')) {
      return null;
    }
    throw error;
  }
}

/**
 * The error of an answer.
 *
 * @param what what was asked for, as `create jobs "sum"`
 */
export function answerError(what: string, status: number, body: unknown, retryAfter?: string): ClusterError {
  const message = messageOf(body) ?? `HTTP ${status}`;
  const retryAfterMs = parseRetryAfter(retryAfter);
  return new ClusterError(reasonOf(status, body, message), `${what}: ${message}`, {
    status,
    body,
    ...(retryAfterMs !== undefined && { retryAfterMs }),
    ...remedyFor(status),
  });
}

/** The error of a connection that failed. `server` is its address, without credentials. */
export function connectionError(what: string, server: string, error: unknown): ClusterError {
  const code = errnoOf(error) ?? '';
  const message = errorMessage(error);
  if (isTls(code, message)) {
    return new ClusterError('TLS', `${what}: TLS with ${server}: ${message.split('\n')[0]}`, {
      cause: error,
      remedy: tlsRemedy(code),
    });
  }
  return new ClusterError('Unreachable', `${what}: cannot reach ${server}: ${code || message}`, {
    cause: error,
    remedy: 'check the address, and that this host may connect to it; "unet cluster nodes" tries it',
  });
}

/** Milliseconds of a Retry-After header: seconds, or a date. */
function parseRetryAfter(text: string | undefined): number | undefined {
  if (text === undefined) {
    return undefined;
  }
  const ms = /^\d+$/.test(text.trim()) ? Number(text) * 1000 : Date.parse(text) - Date.now();
  return Number.isNaN(ms) ? undefined : Math.max(0, ms);
}

function reasonOf(status: number, body: unknown, message: string): ClusterErrorReason {
  const reason = fieldOf(body, 'reason');
  if (status === 403 && /exceeded quota|failed quota|quota limit/i.test(message)) {
    return 'QuotaExceeded';
  }
  if (status === 409) {
    return reason === 'AlreadyExists' ? 'AlreadyExists' : 'Conflict';
  }
  const known: Record<number, ClusterErrorReason> = {
    400: 'Invalid',
    401: 'Unauthorized',
    403: 'Forbidden',
    404: 'NotFound',
    405: 'Unsupported',
    408: 'Timeout',
    410: 'Expired',
    413: 'Invalid',
    415: 'Invalid',
    422: 'Invalid',
    429: 'TooManyRequests',
    504: 'Timeout',
  };
  return known[status] ?? (status >= 500 ? 'Server' : 'Invalid');
}

function messageOf(body: unknown): string | undefined {
  const text = typeof body === 'string' ? body.trim() : fieldOf(body, 'message');
  return text === undefined || text === '' ? undefined : text.slice(0, 2000);
}

function fieldOf(body: unknown, name: string): string | undefined {
  const value =
    typeof body === 'object' && body !== null ? (body as Record<string, unknown>)[name] : undefined;
  return typeof value === 'string' ? value : undefined;
}

function remedyFor(status: number): { remedy?: string } {
  if (status === 401) {
    return { remedy: 'the credentials are not (or no longer) accepted: get new ones' };
  }
  return status === 403 ? { remedy: 'ask for the rights, or use another namespace or user' } : {};
}

/** Error codes of Node's TLS and OpenSSL, https://nodejs.org/api/tls.html#x509-certificate-error-codes */
const CERTIFICATE_CODES = new Set([
  'UNABLE_TO_GET_ISSUER_CERT',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'CERT_HAS_EXPIRED',
  'CERT_NOT_YET_VALID',
  'CERT_SIGNATURE_FAILURE',
  'CERT_UNTRUSTED',
  'CERT_REJECTED',
  'CERT_CHAIN_TOO_LONG',
  'CERT_REVOKED',
  'INVALID_CA',
  'INVALID_PURPOSE',
  'HOSTNAME_MISMATCH',
  'EPROTO',
]);

function isTls(code: string, message: string): boolean {
  return (
    CERTIFICATE_CODES.has(code) ||
    code.startsWith('ERR_TLS_') ||
    code.startsWith('ERR_SSL_') ||
    code.startsWith('ERR_OSSL_') ||
    /secure TLS connection was established/.test(message)
  );
}

function tlsRemedy(code: string): string {
  if (code === 'CERT_HAS_EXPIRED' || code === 'CERT_NOT_YET_VALID') {
    return 'the server needs a new certificate, or this host’s clock is wrong';
  }
  if (code === 'ERR_TLS_CERT_ALTNAME_INVALID' || code === 'HOSTNAME_MISMATCH') {
    return 'use an address that the certificate names';
  }
  if (code.startsWith('ERR_SSL_') || code === 'EPROTO') {
    return 'check the client’s certificate, and that the server speaks https';
  }
  return 'give the authority that signed the server’s certificate ("ca" or "ca_file")';
}
