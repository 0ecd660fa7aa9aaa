/** An image of a rehearsed node, made on the spot from what this machine has: no registry is needed. */
import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const LIB = fileURLToPath(new URL('../../dist/rehearsal/lib', import.meta.url));

/** Debian's own programs, as the release's steps and the tests use them. */
const PROGRAMS = [
  'bash',
  'cat',
  'chmod',
  'cp',
  'cut',
  'date',
  'df',
  'echo',
  'env',
  'envsubst',
  'false',
  'find',
  'grep',
  'head',
  'id',
  'ls',
  'mkdir',
  'mv',
  'rm',
  'sed',
  'sh',
  'sleep',
  'stat',
  'tail',
  'tar',
  'test',
  'touch',
  'tr',
  'true',
  'wc',
];

const NODE_PARTS = [
  'acorn-walk/dist/walk.js',
  'acorn/dist/acorn.js',
  'cjs-module-lexer/dist/lexer.js',
  'cjs-module-lexer/lexer.js',
  'minimatch/dist/cjs/index.bundle.js',
  'undici/undici-fetch.js',
].map((part) => `/usr/share/nodejs/${part}`);

/** Stand-ins in the node: process 1 runs them. */
const REHEARSED = ['kubeadm', 'ctr', 'journalctl'];

/** Writes `rootfs.tar` into `directory`, and resolves with its path. */
export function makeRootfs(directory: string): string {
  const root = join(directory, 'rootfs');
  for (const name of [
    'usr/bin',
    'usr/lib',
    'usr/local/share/ca-certificates',
    'etc/ssl/certs',
    'opt/unet-rehearsal',
    'var/lib',
    'run',
    'tmp',
    'proc',
    'sys',
    'dev',
    'root',
  ]) {
    mkdirSync(join(root, name), { recursive: true });
  }
  // As in Debian: one place for programs and libraries, wherever they are looked for.
  for (const name of ['bin', 'sbin', 'lib', 'lib64']) {
    symlinkSync(`usr/${name === 'lib64' || name === 'lib' ? 'lib' : 'bin'}`, join(root, name));
  }
  symlinkSync('lib', join(root, 'usr/lib64'));
  for (const name of [...PROGRAMS, 'kubectl']) {
    install(root, which(name), name);
  }
  install(root, process.execPath, 'node');
  // Debian's Node reads parts of itself from here when it starts, and ends by SIGSEGV without them.
  for (const part of NODE_PARTS.filter((path) => existsSync(path))) {
    mkdirSync(dirname(join(root, part)), { recursive: true });
    copyFileSync(part, join(root, part));
  }
  cpSync(LIB, join(root, 'opt/unet-rehearsal'), { recursive: true });
  for (const name of REHEARSED) {
    script(root, name, `exec node /opt/unet-rehearsal/in-node.mjs ${name} "$@"`);
  }
  script(root, 'helm', HELM);
  script(root, 'update-ca-certificates', UPDATE_CA_CERTIFICATES);
  writeFileSync(join(root, 'etc/passwd'), 'root:x:0:0:root:/root:/bin/bash\n');
  writeFileSync(join(root, 'etc/group'), 'root:x:0:\n');
  const tar = join(directory, 'rootfs.tar');
  execFileSync('tar', ['--owner=0', '--group=0', '--numeric-owner', '-C', root, '-cf', tar, '.']);
  rmSync(root, { recursive: true });
  return tar;
}

/** How the engine is to start it: `podman import` takes these as --change. */
export const CHANGES = [
  'ENTRYPOINT ["/usr/bin/node", "/opt/unet-rehearsal/unet-rehearsal-container.mjs"]',
  'ENV PATH=/usr/bin',
  'LABEL unet.test=node',
];

/** Upstream's install-flannel.sh makes the namespace before it calls helm; process 1 does both at once. */
const HELM = `case "$*" in
*" list "*) exit 0 ;;
esac
kubectl delete namespace kube-flannel >/dev/null
exec node /opt/unet-rehearsal/in-node.mjs /usernetes/Makefile.d/install-flannel.sh`;

/** What Debian's own does, as far as a node needs it; a file that is no certificate is an error. */
const UPDATE_CA_CERTIFICATES = `set -eu
for file in /usr/local/share/ca-certificates/*.crt; do
  grep -q 'BEGIN CERTIFICATE' "$file" || { echo "$file: no certificate" >&2; exit 1; }
  cat "$file"
done >/etc/ssl/certs/ca-certificates.crt`;

function install(root: string, program: string, name: string): void {
  const target = join(root, 'usr/bin', name);
  copyFileSync(program, target);
  chmodSync(target, 0o755);
  for (const library of libraries(program)) {
    const copy = join(root, 'usr/lib', basename(library));
    if (!existsSync(copy)) {
      copyFileSync(library, copy);
      chmodSync(copy, 0o755);
    }
  }
}

/** Of a static program there are none, and ldd(1) says so by its exit code. */
function libraries(program: string): string[] {
  try {
    const said = execFileSync('ldd', [program], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });
    return [...said.matchAll(/(\/\S+) \(0x/g)].map(([, path]) => path ?? '');
  } catch {
    return [];
  }
}

function script(root: string, name: string, text: string): void {
  writeFileSync(join(root, 'usr/bin', name), `#!/bin/sh\n${text}\n`, { mode: 0o755 });
}

function which(name: string): string {
  const path = (process.env.PATH ?? '')
    .split(':')
    .map((directory) => join(directory, name))
    .find((file) => existsSync(file));
  if (path === undefined) {
    throw new Error(`${name} is needed for the node image`);
  }
  return realpathSync(path);
}
