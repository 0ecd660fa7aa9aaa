/** Which container engine and compose client this node has: by what works, asked of each of them with a deadline. */
import { join } from 'node:path';
import { UnetError } from '../errors.ts';
import { exists } from '../files/exists.ts';
import type { Environment } from '../process/environment.ts';
import { run } from '../process/run.ts';
import type { Engine } from './engine.ts';
import { probeCompose, words } from './probe-compose.ts';
import { ENGINE_NAMES, type EngineFacts, type EngineName, probeEngine } from './probe-engine.ts';

export type DetectOptions = {
  /** `auto`, or the only one that may be taken. */
  engine: 'auto' | EngineName;
  /** Overrides what would be found; split at blanks, there is no shell. */
  compose?: string | undefined;
  /** False: for images alone; then no compose client is looked for. */
  composeNeeded?: boolean;
  env: Environment;
  /** Milliseconds that one question may take. */
  timeoutMs: number;
  signal?: AbortSignal | undefined;
};

const DETECT_SCRIPT = 'Makefile.d/detect-container-engine.sh';
// A daemon that hangs must not use up the step's time.
const PROBE_TIMEOUT_MS = 20_000;

/**
 * The engine for the release in `stage`: one that the release brings itself (the rehearsal), else of those that work
 * the rootless ones first, in upstream's order docker, nerdctl, podman.
 *
 * @throws UnetError UNET_ENGINE_MISSING, UNET_ENGINE_OLD, UNET_COMPOSE_MISSING or UNET_COMPOSE_OLD, with what is wrong
 *   with each that is there.
 */
export async function detectEngine(stage: string, options: DetectOptions): Promise<Engine> {
  const own = await releaseEngine(stage, options);
  if (own !== undefined) {
    return own;
  }
  const names = options.engine === 'auto' ? ENGINE_NAMES : [options.engine];
  const limited = { ...options, timeoutMs: Math.min(options.timeoutMs, PROBE_TIMEOUT_MS) };
  const results = await Promise.all(names.map((name) => probe(name, limited)));
  options.signal?.throwIfAborted();
  const engines = results.filter((result): result is Engine => !UnetError.is(result));
  const best = engines.find(({ facts }) => facts?.rootless === true) ?? engines[0];
  if (best === undefined) {
    throw worth(results.filter(UnetError.is), options.engine);
  }
  return best;
}

async function probe(name: EngineName, options: DetectOptions): Promise<Engine | UnetError> {
  try {
    const facts: EngineFacts = await probeEngine(name, options);
    if (options.composeNeeded === false) {
      return { name, type: name, command: [name], compose: [], facts };
    }
    const { compose, version } = await probeCompose(name, options);
    return { name, type: name, command: [name], compose, composeVersion: version, facts };
  } catch (error) {
    return UnetError.from(error);
  }
}

/** The error of the one that came furthest, with what the others said below it. */
function worth(errors: readonly UnetError[], asked: DetectOptions['engine']): UnetError {
  const order = ['UNET_COMPOSE_OLD', 'UNET_COMPOSE_MISSING', 'UNET_ENGINE_OLD'];
  const rank = ({ code }: UnetError) => (order.includes(code) ? order.indexOf(code) : order.length);
  const present = errors.filter(({ message }) => !message.endsWith('is not on PATH'));
  const [best] = [...present].sort((one, other) => rank(one) - rank(other));
  if (best === undefined) {
    const names = asked === 'auto' ? 'none of docker, nerdctl and podman is' : `${asked} is not`;
    return new UnetError('UNET_ENGINE_MISSING', `${names} on PATH on this node`, {
      fatal: true,
      remedy: 'install rootless Docker, Podman or nerdctl on the compute nodes, or load its module',
    });
  }
  const others = errors.filter((error) => error !== best).map(({ message }) => message);
  return others.length === 0
    ? best
    : new UnetError(best.code, best.message, {
        ...best.details,
        tail: [...(best.details.tail ?? []), ...others],
      });
}

/** What the release's own script names, if that is none of the engines that unet knows. */
async function releaseEngine(stage: string, options: DetectOptions): Promise<Engine | undefined> {
  const script = join(stage, DETECT_SCRIPT);
  if (!(await exists(script))) {
    return undefined;
  }
  const compose = options.compose === undefined ? {} : { COMPOSE: options.compose };
  const { env, timeoutMs, signal } = options;
  const result = await run(['bash', script], { env: { ...env, ...compose }, cwd: stage, timeoutMs, signal });
  const found = variables(result.stdout);
  const {
    CONTAINER_ENGINE: name,
    CONTAINER_ENGINE_TYPE: type,
    COMPOSE: client,
    ENGINE_COMMAND: command,
  } = found;
  const known = ENGINE_NAMES.some((one) => one === (type ?? name));
  if (result.exitCode !== 0 || name === undefined || name === '' || client === undefined || known) {
    return undefined;
  }
  return { name, type: type ?? name, command: words(command ?? name), compose: words(client) };
}

/** Lines NAME=VALUE. */
function variables(text: string): Record<string, string | undefined> {
  return Object.fromEntries(
    text.split('\n').flatMap((line) => {
      const at = line.indexOf('=');
      return at > 0 ? [[line.slice(0, at), line.slice(at + 1).trim()]] : [];
    }),
  );
}
