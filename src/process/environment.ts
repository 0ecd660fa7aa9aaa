/**
 * The environment of every child is made here, from a list: what is not named is not inherited. A job's
 * environment is full of SLURM_* and FLUX_* of an outer step, of modules and of other people's exports.
 */
import { dirname } from 'node:path';

const NAMES = new Set([
  'PATH',
  'HOME',
  'USER',
  'LOGNAME',
  'SHELL',
  'LANG',
  'LANGUAGE',
  'TZ',
  'TERM',
  'TMPDIR',
  'LD_LIBRARY_PATH',
  'KRB5CCNAME',
  'DBUS_SESSION_BUS_ADDRESS',
  'SSH_AUTH_SOCK',
  'http_proxy',
  'https_proxy',
  'no_proxy',
  'all_proxy',
  'HTTP_PROXY',
  'HTTPS_PROXY',
  'NO_PROXY',
  'ALL_PROXY',
  'GIT_SSH',
  'GIT_SSH_COMMAND',
  'GIT_SSL_CAINFO',
  'GIT_PROXY_SSL_CAINFO',
  'SSL_CERT_FILE',
  'SSL_CERT_DIR',
  'NODE_EXTRA_CA_CERTS',
  'NODE_DISABLE_COMPILE_CACHE',
  'FLUX_SSH',
  'FLUX_SSH_RCMD',
  'SLURM_CONF',
  'MUNGE_SOCKET',
  'DOCKER_HOST',
  'DOCKER_CONFIG',
  'CONTAINERD_ADDRESS',
  'BUILDAH_FORMAT',
]);
const DEFAULT_PATH = '/usr/local/bin:/usr/bin:/bin';
const PREFIXES = ['LC_', 'XDG_', 'UNET_', 'CONTAINERS_', 'PODMAN_', 'NERDCTL_'];

export type Environment = Record<string, string>;

/**
 * What of `source` a child may see, plus `extra` (an undefined value removes a name). The directory of the
 * running Node is put last on PATH: batch environments often lack the module that provided it.
 */
export function childEnvironment(
  source: NodeJS.ProcessEnv,
  extra: Record<string, string | undefined> = {},
): Environment {
  const env: Environment = {};
  for (const [name, value] of Object.entries({ ...allowed(source), ...extra })) {
    if (value !== undefined) {
      env[name] = value;
    }
  }
  const path = searchPath(env);
  const own = dirname(process.execPath);
  env.PATH = path.split(':').includes(own) ? path : `${path}:${own}`;
  return env;
}

/** Where programs are looked for: PATH; where it is not set the system's default, as execvp(3) has it. */
export function searchPath({ PATH: path = '' }: NodeJS.ProcessEnv): string {
  return path === '' ? DEFAULT_PATH : path;
}

function allowed(source: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return Object.fromEntries(
    Object.entries(source).filter(
      ([name]) => NAMES.has(name) || PREFIXES.some((prefix) => name.startsWith(prefix)),
    ),
  );
}
