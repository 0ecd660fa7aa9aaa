/** A container engine with its compose client, as a node uses them. */
import type { Environment } from '../process/environment.ts';
import type { EngineFacts } from './probe-engine.ts';

export type Engine = {
  name: string;
  /** `docker`, `nerdctl`, `podman`, or what a release that brings its own calls it. */
  type: string;
  /** Words of the engine's own command: `podman`. */
  command: readonly string[];
  /** Words of the compose command: `podman-compose`, `docker compose`. */
  compose: readonly string[];
  composeVersion?: string;
  /** What it says of itself; not of one that a release brings. */
  facts?: EngineFacts;
};

/** The make variables that tell a release its engine, so that it does not look again for every target. */
export function engineVariables(engine: Engine): Environment {
  return {
    CONTAINER_ENGINE: engine.name,
    CONTAINER_ENGINE_TYPE: engine.type,
    COMPOSE: engine.compose.join(' '),
  };
}

/** For the log: "podman 4.3.1, rootless, podman-compose 1.3.0". */
export function describeEngine({ name, facts, compose, composeVersion }: Engine): string {
  const engine =
    facts === undefined ? name : `${name} ${facts.version}, ${facts.rootless ? 'rootless' : 'rootful'}`;
  return `${engine}, ${compose.join(' ')}${composeVersion === undefined ? '' : ` ${composeVersion}`}`;
}
