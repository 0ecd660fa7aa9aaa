/** Whether one container engine works here, asked of itself: a name on PATH says little. */
import which from 'which';
import * as z from 'zod';
import { UnetError } from '../errors.ts';
import { searchPath } from '../process/environment.ts';
import { describeEnd, lastLines, type RunResult, run } from '../process/run.ts';
import type { DetectOptions } from './detect.ts';
import { findVersion, isAtLeast, type Version } from './version.ts';

export const ENGINE_NAMES = ['docker', 'nerdctl', 'podman'] as const;
export type EngineName = (typeof ENGINE_NAMES)[number];

export type EngineFacts = {
  name: EngineName;
  version: string;
  rootless: boolean;
  /** Podman's, which has no daemon: where it keeps images and containers, and how. */
  store?: { driver: string; graphRoot: string; runRoot: string } | undefined;
};

/** What is needed at least, and since when: rootless mode of docker, netavark-era podman, `nerdctl compose exec`. */
const LEAST: Record<EngineName, Version> = { docker: [20, 10], nerdctl: [1, 0], podman: [4, 0] };

const PodmanInfo = z.object({
  host: z.object({ security: z.object({ rootless: z.boolean() }) }),
  store: z.object({ graphDriverName: z.string(), graphRoot: z.string(), runRoot: z.string() }),
  version: z.object({ Version: z.string() }),
});

/** Of docker and nerdctl. docker prints it also where its daemon does not answer, and says so in ServerErrors. */
const DaemonInfo = z.object({
  ServerVersion: z.string().nullish(),
  SecurityOptions: z.array(z.string()).nullish(),
  ServerErrors: z.array(z.string()).nullish(),
});

/**
 * Asks `ENGINE info`, with a deadline.
 *
 * @throws UnetError UNET_ENGINE_MISSING (not there, or does not answer), UNET_ENGINE_OLD.
 */
export async function probeEngine(name: EngineName, options: DetectOptions): Promise<EngineFacts> {
  if ((await which(name, { path: searchPath(options.env), nothrow: true })) === null) {
    throw missing(`${name} is not on PATH`, `install ${name}, or load its module`);
  }
  const argv = [name, 'info', '--format', name === 'podman' ? 'json' : '{{json .}}'];
  const result = await run(argv, options);
  options.signal?.throwIfAborted();
  if (result.exitCode !== 0) {
    throw unanswered(name, result, options.timeoutMs, result.stderr || result.stdout);
  }
  const facts = name === 'podman' ? ofPodman(result) : await ofDaemon(name, result, options);
  const found = findVersion(facts.version);
  if (found === undefined || !isAtLeast(found.version, LEAST[name])) {
    const least = LEAST[name].join('.');
    throw new UnetError('UNET_ENGINE_OLD', `${name} is ${facts.version}, and ${least} or later is needed`, {
      fatal: true,
      remedy: `install ${name} ${least} or later, or choose another engine with --engine`,
    });
  }
  return facts;
}

function ofPodman(result: RunResult): EngineFacts {
  const { host, store, version } = read('podman', PodmanInfo, result);
  return {
    name: 'podman',
    version: version.Version,
    rootless: host.security.rootless,
    store: { driver: store.graphDriverName, graphRoot: store.graphRoot, runRoot: store.runRoot },
  };
}

async function ofDaemon(
  name: 'docker' | 'nerdctl',
  result: RunResult,
  options: DetectOptions,
): Promise<EngineFacts> {
  const info = read(name, DaemonInfo, result);
  if (info.ServerErrors !== undefined && info.ServerErrors !== null && info.ServerErrors.length > 0) {
    throw unanswered(name, result, options.timeoutMs, info.ServerErrors.join('\n'));
  }
  if (!info.ServerVersion) {
    throw unreadable(name, result.stdout);
  }
  const rootless = (info.SecurityOptions ?? []).some((option) => option.includes('name=rootless'));
  // nerdctl's ServerVersion is that of containerd.
  const version = name === 'docker' ? info.ServerVersion : await nerdctlVersion(options);
  return { name, version, rootless };
}

async function nerdctlVersion(options: DetectOptions): Promise<string> {
  const { stdout } = await run(['nerdctl', '--version'], options);
  return findVersion(stdout)?.text ?? stdout.trim();
}

function read<T>(name: EngineName, schema: z.ZodType<T>, { stdout }: RunResult): T {
  try {
    const parsed = schema.safeParse(JSON.parse(stdout));
    if (parsed.success) {
      return parsed.data;
    }
  } catch {
    // No JSON: said below.
  }
  throw unreadable(name, stdout);
}

function unreadable(name: EngineName, stdout: string): UnetError {
  const is =
    /podman/i.test(stdout) && name !== 'podman' ? 'is podman by another name' : 'says what cannot be read';
  return missing(`${name} ${is}`, `try "${name} info" manually, or choose another engine with --engine`);
}

function unanswered(name: EngineName, result: RunResult, timeoutMs: number, said: string): UnetError {
  const tail = lastLines(said, 4);
  const end = result.exitCode === 0 ? 'reaches no daemon' : describeEnd(result, timeoutMs);
  const remedy =
    name === 'podman'
      ? 'check that this user has subordinate ids (/etc/subuid) and a writable XDG_RUNTIME_DIR; try "podman info" there'
      : `check that its daemon runs for this user (${name === 'docker' ? 'dockerd' : 'containerd'}-rootless-setuptool.sh)?`;
  return missing(`${name} info ${end}${tail.length > 0 ? `: ${tail.at(-1)}` : ''}`, remedy, tail);
}

function missing(message: string, remedy: string, tail?: string[]): UnetError {
  return new UnetError('UNET_ENGINE_MISSING', message, { fatal: true, remedy, tail });
}
