/**
 * Every error that unet reports: a stable code, the exit code that goes with it, what happened on which
 * node in which step, and what to do about it.
 */

/** Exit codes of every command; see docs/errors.md. */
export const EXIT = {
  done: 0,
  failed: 1,
  usage: 2,
  preflight: 3,
  timeout: 4,
  nodesMissing: 5,
  hangup: 129,
  interrupted: 130,
  alarm: 142,
  terminated: 143,
} as const;

/** Stable codes, each with its exit code. A script may rely on both. */
export const ERROR_CODES = {
  UNET_USAGE: EXIT.usage,
  UNET_CONFIG_INVALID: EXIT.usage,
  UNET_NO_ALLOCATION: EXIT.usage,
  UNET_ALLOCATION_UNREADABLE: EXIT.failed,
  UNET_FLUX_GUEST: EXIT.preflight,
  UNET_FLUX_TOO_OLD: EXIT.preflight,
  UNET_FLUX_ARCHIVE: EXIT.failed,
  UNET_NO_CLUSTER: EXIT.failed,
  UNET_SUPERVISOR_SILENT: EXIT.failed,
  UNET_TOO_MANY_NODES: EXIT.usage,
  UNET_NODE_VERSION: EXIT.preflight,
  UNET_UNSAFE_PATH: EXIT.preflight,
  UNET_DIR_UNWRITABLE: EXIT.preflight,
  UNET_NOT_ROOT: EXIT.preflight,
  UNET_FOREIGN_FILE: EXIT.preflight,
  UNET_DIR_SHARED: EXIT.preflight,
  UNET_DIR_NOEXEC: EXIT.preflight,
  UNET_DISK_FULL: EXIT.failed,
  UNET_TOOL_MISSING: EXIT.preflight,
  UNET_CGROUP: EXIT.preflight,
  UNET_USER_SESSION: EXIT.preflight,
  UNET_ENGINE_MISSING: EXIT.preflight,
  UNET_ENGINE_OLD: EXIT.preflight,
  UNET_ENGINE_FAILED: EXIT.failed,
  UNET_COMPOSE_MISSING: EXIT.preflight,
  UNET_COMPOSE_OLD: EXIT.preflight,
  UNET_NODE_NOT_RUNNING: EXIT.failed,
  UNET_OVERRIDE_REFUSED: EXIT.preflight,
  UNET_MOUNT_MISSING: EXIT.preflight,
  UNET_IMAGE_MISSING: EXIT.preflight,
  UNET_IMAGE_LOAD: EXIT.failed,
  UNET_PORTS_TAKEN: EXIT.preflight,
  UNET_ADDRESS_UNKNOWN: EXIT.preflight,
  UNET_NODE_UNREACHABLE: EXIT.preflight,
  UNET_RELEASE_NOT_FOUND: EXIT.usage,
  UNET_RELEASE_INVALID: EXIT.preflight,
  UNET_RELEASE_TARGETS: EXIT.preflight,
  UNET_RELEASE_FETCH: EXIT.failed,
  UNET_RELEASE_CHECKSUM: EXIT.failed,
  UNET_PACK_NOT_FOUND: EXIT.usage,
  UNET_PACK_INVALID: EXIT.preflight,
  UNET_PACK_CHECKSUM: EXIT.preflight,
  UNET_PACK_ARCHITECTURE: EXIT.preflight,
  UNET_PACK_RELEASE: EXIT.preflight,
  UNET_PACK_UNREACHABLE: EXIT.preflight,
  UNET_IMAGE_NOT_FOUND: EXIT.usage,
  UNET_IMAGE_INVALID: EXIT.preflight,
  UNET_IMAGE_BUILD: EXIT.failed,
  UNET_LAUNCH_FAILED: EXIT.failed,
  UNET_NODE_SILENT: EXIT.nodesMissing,
  UNET_NODE_LOST: EXIT.failed,
  UNET_LEAD_LOST: EXIT.failed,
  UNET_PROTOCOL_VERSION: EXIT.preflight,
  UNET_PROTOCOL: EXIT.failed,
  UNET_STEP_FAILED: EXIT.failed,
  UNET_STEP_TIMEOUT: EXIT.timeout,
  UNET_BOOT_TIMEOUT: EXIT.timeout,
  UNET_JOIN_RECORD_INVALID: EXIT.failed,
  UNET_JOIN_RECORD_STALE: EXIT.failed,
  UNET_JOIN_TIMEOUT: EXIT.timeout,
  UNET_JOIN_FAILED: EXIT.failed,
  UNET_JOIN_CA_MISMATCH: EXIT.failed,
  UNET_READY_TIMEOUT: EXIT.timeout,
  UNET_API_SILENT: EXIT.failed,
  UNET_NODES_MISSING: EXIT.nodesMissing,
  UNET_TIMEOUT: EXIT.timeout,
  UNET_SUPERVISOR: EXIT.failed,
  UNET_TEARDOWN_INCOMPLETE: EXIT.failed,
  UNET_INTERRUPTED: EXIT.interrupted,
  UNET_TEMPLATE_NOT_FOUND: EXIT.usage,
  UNET_TEMPLATE_INVALID: EXIT.usage,
  UNET_TEMPLATE_PARAMETERS: EXIT.usage,
  UNET_JOBSPEC_INVALID: EXIT.usage,
  UNET_KUBE_REFUSED: EXIT.failed,
  UNET_KUBE_FOREIGN: EXIT.failed,
  UNET_KUBE_NAMESPACE: EXIT.failed,
  UNET_KUBE_JOB_NOT_FOUND: EXIT.usage,
  UNET_KUBE_DAEMON: EXIT.failed,
  UNET_CLUSTER_NOT_FOUND: EXIT.failed,
  UNET_CLUSTER_ALREADY_EXISTS: EXIT.failed,
  UNET_CLUSTER_CONFLICT: EXIT.failed,
  UNET_CLUSTER_UNAUTHORIZED: EXIT.failed,
  UNET_CLUSTER_FORBIDDEN: EXIT.failed,
  UNET_CLUSTER_INVALID: EXIT.usage,
  UNET_CLUSTER_QUOTA_EXCEEDED: EXIT.failed,
  UNET_CLUSTER_TIMEOUT: EXIT.timeout,
  UNET_CLUSTER_UNREACHABLE: EXIT.failed,
  UNET_CLUSTER_TLS: EXIT.failed,
  UNET_CLUSTER_EXPIRED: EXIT.failed,
  UNET_CLUSTER_BUSY: EXIT.failed,
  UNET_CLUSTER_SERVER: EXIT.failed,
  UNET_CLUSTER_UNSUPPORTED: EXIT.usage,
  UNET_COMMAND_NOT_FOUND: 127,
  UNET_INTERNAL: EXIT.failed,
} as const;

export type ErrorCode = keyof typeof ERROR_CODES;

/** The plain form of an error, as it travels in events, state files and `--json`. */
export type ErrorRecord = {
  code: ErrorCode;
  message: string;
  remedy?: string | undefined;
  node?: string | undefined;
  step?: string | undefined;
  /** Path of the log that has the whole output. */
  log?: string | undefined;
  /** Last lines of the failing step's output, secrets already removed. */
  tail?: string[] | undefined;
  exitCode?: number | undefined;
};

export type ErrorDetails = Omit<ErrorRecord, 'code' | 'message'> & {
  cause?: unknown;
  /** No retry can help. */
  fatal?: boolean | undefined;
};

// Each bundle has a class of its own, and an error may pass from one to another.
const BRAND = Symbol.for('unet.UnetError');

/** An error that was understood where it was thrown. */
export class UnetError extends Error {
  override readonly name = 'UnetError';
  readonly [BRAND] = true;
  readonly code: ErrorCode;
  readonly details: ErrorDetails;

  constructor(code: ErrorCode, message: string, details: ErrorDetails = {}) {
    super(message, { cause: details.cause });
    this.code = code;
    this.details = details;
  }

  get exitCode(): number {
    return this.details.exitCode ?? ERROR_CODES[this.code];
  }

  /** Whether trying the same again is pointless. */
  get fatal(): boolean {
    return this.details.fatal === true;
  }

  /** The same error with what the catcher knows added; what is already said stays. */
  with(more: ErrorDetails): UnetError {
    return new UnetError(this.code, this.message, { ...more, ...defined(this.details) });
  }

  toRecord(): ErrorRecord {
    const { remedy, node, step, log, tail } = this.details;
    return defined({
      code: this.code,
      message: this.message,
      remedy,
      node,
      step,
      log,
      tail,
      exitCode: this.exitCode,
    }) as ErrorRecord;
  }

  static is(error: unknown): error is UnetError {
    return error instanceof Error && BRAND in error;
  }

  static fromRecord(record: ErrorRecord): UnetError {
    const { code, message, ...details } = record;
    return new UnetError(code in ERROR_CODES ? code : 'UNET_INTERNAL', message, details);
  }

  /** Wraps what was not understood: a defect of unet, said as one. Disk-full is recognised wherever it happens. */
  static from(error: unknown): UnetError {
    if (UnetError.is(error)) {
      return error;
    }
    const code = errnoOf(error);
    const message = errorMessage(error);
    if (code === 'ENOSPC' || code === 'EDQUOT') {
      return new UnetError('UNET_DISK_FULL', `no space left: ${message}`, {
        cause: error,
        fatal: true,
        remedy: 'free space or quota there, or choose another directory with --job-dir or --node-dir',
      });
    }
    return new UnetError('UNET_INTERNAL', message, {
      cause: error,
      remedy: 'this is a defect of unet; please report it with the log',
    });
  }
}

/** The errno name (`ENOENT`) of a system error, if it is one. */
/** What an unknown value that was thrown says: an Error, or an object with a message, such as a Status of the Kubernetes API. */
export function errorMessage(error: unknown): string {
  if (
    typeof error === 'object' &&
    error !== null &&
    'message' in error &&
    typeof error.message === 'string'
  ) {
    return error.message;
  }
  return typeof error === 'object' ? JSON.stringify(error) : String(error);
}

export function errnoOf(error: unknown): string | undefined {
  if (error instanceof Error && 'code' in error && typeof error.code === 'string') {
    return error.code;
  }
  return undefined;
}

function defined<T extends object>(value: T): T {
  return Object.fromEntries(Object.entries(value).filter(([, v]) => v !== undefined)) as T;
}
