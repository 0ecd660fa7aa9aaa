/** Which container engine and compose command a release would use, asked from the release's own script. */
import { join } from 'node:path';
import { UnetError } from '../errors.ts';
import { exists } from '../files/exists.ts';
import type { Environment } from '../process/environment.ts';
import { lastLines, run } from '../process/run.ts';

export type Engine = {
  name: string;
  type: string;
  /** Words of the engine's own command: `podman`. */
  command: readonly string[];
  /** Words of the compose command: `podman-compose`, `docker compose`. */
  compose: readonly string[];
};

export type EngineOptions = {
  /** `auto`, or what to give to the release as CONTAINER_ENGINE. */
  engine: string;
  /** Overrides what the release would choose; split at blanks, there is no shell. */
  compose?: string | undefined;
  env: Environment;
  timeoutMs: number;
  signal?: AbortSignal | undefined;
};

const DETECT_SCRIPT = 'Makefile.d/detect-container-engine.sh';

/** @throws UnetError UNET_ENGINE_MISSING when the release finds none. */
export async function detectEngine(stage: string, options: EngineOptions): Promise<Engine> {
  const script = join(stage, DETECT_SCRIPT);
  const wanted = options.engine === 'auto' ? {} : { CONTAINER_ENGINE: options.engine };
  const compose = options.compose === undefined ? {} : { COMPOSE: options.compose };
  if (!(await exists(script))) {
    const name = options.engine === 'auto' ? 'docker' : options.engine;
    return { name, type: name, command: [name], compose: words(options.compose ?? defaultCompose(name)) };
  }
  const result = await run(['bash', script], {
    env: { ...options.env, ...wanted, ...compose },
    cwd: stage,
    timeoutMs: options.timeoutMs,
    signal: options.signal,
  });
  const found = Object.fromEntries(
    result.stdout.split('\n').flatMap((line) => {
      const at = line.indexOf('=');
      return at > 0 ? [[line.slice(0, at), line.slice(at + 1).trim()]] : [];
    }),
  ) as Record<string, string | undefined>;
  if (result.exitCode !== 0 || !found.CONTAINER_ENGINE) {
    throw new UnetError('UNET_ENGINE_MISSING', 'the release found no container engine on this node', {
      fatal: true,
      tail: lastLines(result.stderr || result.stdout),
      remedy: 'install rootless Docker, Podman or nerdctl on the compute nodes, or name one with --engine',
    });
  }
  return {
    name: found.CONTAINER_ENGINE,
    type: found.CONTAINER_ENGINE_TYPE ?? found.CONTAINER_ENGINE,
    command: words(found.ENGINE_COMMAND ?? found.CONTAINER_ENGINE),
    compose: words(found.COMPOSE ?? defaultCompose(found.CONTAINER_ENGINE)),
  };
}

/** The make variables that tell a release its engine, so that it does not look again for every target. */
export function engineVariables(engine: Engine): Environment {
  return {
    CONTAINER_ENGINE: engine.name,
    CONTAINER_ENGINE_TYPE: engine.type,
    COMPOSE: engine.compose.join(' '),
  };
}

function defaultCompose(engine: string): string {
  return engine === 'podman' ? 'podman-compose' : `${engine} compose`;
}

function words(command: string): string[] {
  return command.split(/\s+/).filter((word) => word !== '');
}
