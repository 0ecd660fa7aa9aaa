/** A `describe` for what takes a real podman: skipped with one line where there is none, and failing there with CI=true. */
import { spawnSync } from 'node:child_process';
import { describe, it } from 'vitest';

/** Where programs are looked for, those of an administrator too. */
export const PATH = [process.env.PATH, '/usr/local/sbin', '/usr/sbin', '/sbin'].join(':');

/** What is run here, and the Debian package that has it. */
const NEEDED: Record<string, string> = {
  podman: 'podman',
  runc: 'runc',
  newuidmap: 'uidmap',
  slirp4netns: 'slirp4netns',
  'podman-compose': 'podman-compose, of Debian 13 or by pip',
  kubectl: 'kubernetes-client',
  envsubst: 'gettext-base',
  useradd: 'passwd',
};

/** One `describe` for each kind of podman. */
export function describeContainers(title: string, scenarios: (kind: 'rootful' | 'rootless') => void): void {
  const reason = unavailable();
  if (reason === undefined) {
    describe.each(['rootful', 'rootless'] as const)(`${title}, %s`, scenarios);
  } else if (process.env.CI === 'true') {
    describe(title, () => {
      it('has a podman to run on', () => {
        throw new Error(reason);
      });
    });
  } else {
    console.warn(`skipped: ${title}: ${reason}`);
    describe.skip(`${title} (skipped: ${reason})`, () => scenarios('rootful'));
  }
}

function unavailable(): string | undefined {
  if (process.getuid?.() !== 0) {
    return 'it takes root: an ordinary user is made for rootless podman';
  }
  for (const [program, debianPackage] of Object.entries(NEEDED)) {
    if (say('sh', '-c', `command -v ${program}`) === undefined) {
      return `it takes ${program}: ${debianPackage}`;
    }
  }
  const version =
    /podman-compose\w* version\s+(\S+)/.exec(say('podman-compose', 'version') ?? '')?.[1] ?? 'of no version';
  const [major = 0, minor = 0] = version.split('.').map(Number);
  return major > 1 || (major === 1 && minor >= 1)
    ? undefined
    : `podman-compose is ${version}; it takes 1.1 or later: Debian 13 has it, and pip`;
}

function say(...argv: string[]): string | undefined {
  const [file = '', ...args] = argv;
  const { status, stdout } = spawnSync(file, args, {
    encoding: 'utf8',
    timeout: 20_000,
    env: { ...process.env, PATH },
  });
  return status === 0 ? stdout : undefined;
}
