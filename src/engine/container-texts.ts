/** The texts by which a node's container gets more than the release gives it: mounts, ports, devices, limits, variables. */

export type Mount = { source: string; target: string; readOnly: boolean };
export type PublishedPort = {
  address?: string | undefined;
  host: number;
  node: number;
  protocol: 'tcp' | 'udp';
};
export type Ulimit = { name: string; soft: number; hard: number };
export type Variable = { name: string; value: string };

const MAX_PORT = 65_535;
// As compose and the engines take a limit that is none; setrlimit(2) RLIM_INFINITY.
const UNLIMITED = -1;

/** `/scratch/me:/scratch` or `/data:/data:ro`. Paths with a colon cannot be told apart and are none. */
export function parseMount(text: string): Mount | undefined {
  const [source = '', target = '', mode = 'rw', ...more] = text.split(':');
  const paths = isPlainPath(source) && isPlainPath(target);
  return paths && (mode === 'ro' || mode === 'rw') && more.length === 0
    ? { source: trimmed(source), target: trimmed(target), readOnly: mode === 'ro' }
    : undefined;
}

/** `8080:80`, `127.0.0.1:8080:80`, `5353:53/udp`. */
export function parsePublish(text: string): PublishedPort | undefined {
  const parts = /^(?:(\d{1,3}(?:\.\d{1,3}){3}):)?(\d{1,5}):(\d{1,5})(?:\/(tcp|udp))?$/.exec(text);
  if (parts === null) {
    return undefined;
  }
  const [, address, host, node, protocol = 'tcp'] = parts;
  const fine = [Number(host), Number(node)].every((port) => port >= 1 && port <= MAX_PORT);
  const octets = (address ?? '').split('.').every((octet) => Number(octet) <= 255);
  return fine && octets
    ? {
        ...(address === undefined ? {} : { address }),
        host: Number(host),
        node: Number(node),
        protocol: protocol as 'tcp' | 'udp',
      }
    : undefined;
}

/** A CDI name (`nvidia.com/gpu=all`), or a device file (`/dev/fuse`, `/dev/a:/dev/b:rwm`); as it was written. */
export function isDevice(text: string): boolean {
  return isCdiName(text) || /^\/dev\/[\w./-]+(:\/dev\/[\w./-]+)?(:[rwm]{1,3})?$/.test(text);
}

/** vendor.com/class=device, see the Container Device Interface specification. */
export function isCdiName(text: string): boolean {
  return /^[a-zA-Z][\w.-]*\/[a-zA-Z][\w.-]*=[\w.:-]+$/.test(text);
}

/** `memlock=unlimited`, `nofile=65536`, `nofile=1024:65536`. */
export function parseUlimit(text: string): Ulimit | undefined {
  const [, name, soft, hard = soft] =
    /^([a-z]+)=(\d{1,15}|-1|unlimited)(?::(\d{1,15}|-1|unlimited))?$/.exec(text) ?? [];
  if (name === undefined || soft === undefined || hard === undefined) {
    return undefined;
  }
  const limit = (value: string) => (value === 'unlimited' ? UNLIMITED : Number(value));
  const [low, high] = [limit(soft), limit(hard)];
  return high === UNLIMITED || (low !== UNLIMITED && low <= high)
    ? { name, soft: low, hard: high }
    : undefined;
}

/** `NAME=VALUE`; the value may be empty and have anything in it but a line end. */
export function parseVariable(text: string): Variable | undefined {
  const [, name, value] = /^([A-Za-z_][A-Za-z0-9_]*)=([^\r\n\0]*)$/.exec(text) ?? [];
  return name === undefined || value === undefined ? undefined : { name, value };
}

/** Absolute, without what a compose file or a shell might take for something else. */
function isPlainPath(path: string): boolean {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: a path with control characters is not meant
  return path.startsWith('/') && !/[\u0000-\u001f,]/.test(path) && !path.split('/').includes('..');
}

function trimmed(path: string): string {
  return path.replace(/\/{2,}/g, '/').replace(/(.)\/+$/, '$1');
}
