/** Which compose client works with an engine: its `version` is asked, as a subcommand may be there without its plugin. */
import { UnetError } from '../errors.ts';
import { describeEnd, lastLines, run } from '../process/run.ts';
import type { DetectOptions } from './detect.ts';
import type { EngineName } from './probe-engine.ts';
import { findVersion, isAtLeast, type Version } from './version.ts';

export type ComposeFacts = { compose: readonly string[]; version: string };

type Client = { compose: readonly string[]; least: Version; remedy: string };

const PIP = 'python3 -m venv ~/compose && ~/compose/bin/pip install "podman-compose>=1.1"';

/** In the order in which they are tried. The versions are the first that can read the compose file of a release. */
const CLIENTS: Record<EngineName, readonly Client[]> = {
  docker: [
    { compose: ['docker', 'compose'], least: [2, 0], remedy: 'install the compose plugin of docker' },
    { compose: ['docker-compose'], least: [1, 29], remedy: 'install the compose plugin of docker' },
  ],
  nerdctl: [{ compose: ['nerdctl', 'compose'], least: [1, 0], remedy: 'install a complete nerdctl' }],
  podman: [
    {
      compose: ['podman-compose'],
      least: [1, 1],
      remedy: `install it with pip: "pip install --user 'podman-compose>=1.1'", or ${PIP} and --compose ~/compose/bin/podman-compose`,
    },
  ],
};

/**
 * The first client of the engine that works; with `options.compose` that one.
 *
 * @throws UnetError UNET_COMPOSE_MISSING, UNET_COMPOSE_OLD, with how to get it.
 */
export async function probeCompose(engine: EngineName, options: DetectOptions): Promise<ComposeFacts> {
  const clients = options.compose === undefined ? CLIENTS[engine] : [named(options.compose, engine)];
  let first: unknown;
  for (const client of clients) {
    try {
      return await probeClient(client, options);
    } catch (error) {
      options.signal?.throwIfAborted();
      // The first one is the one to install; of one that is too old it is good to know.
      if (first === undefined || (UnetError.is(error) && error.code === 'UNET_COMPOSE_OLD')) {
        first = error;
      }
    }
  }
  throw first;
}

/** Words of a command, split at blanks: there is no shell. */
export function words(command: string): string[] {
  return command.split(/\s+/).filter((word) => word !== '');
}

/** A client that was asked for is held to what is known of its kind. */
function named(command: string, engine: EngineName): Client {
  const compose = words(command);
  const kind = Object.values(CLIENTS)
    .flat()
    .find((client) => sameProgram(client.compose, compose));
  const [fallback] = CLIENTS[engine];
  return { compose, least: kind?.least ?? [0, 0], remedy: kind?.remedy ?? fallback?.remedy ?? '' };
}

function sameProgram(known: readonly string[], asked: readonly string[]): boolean {
  const name = (asked[0] ?? '').split('/').at(-1);
  return known[0] === name && known.slice(1).every((word, index) => asked[index + 1] === word);
}

async function probeClient(
  { compose, least, remedy }: Client,
  options: DetectOptions,
): Promise<ComposeFacts> {
  const name = compose.join(' ');
  const result = await run([...compose, 'version'], options).catch((error: unknown) => {
    if (UnetError.is(error) && error.code === 'UNET_TOOL_MISSING') {
      throw new UnetError('UNET_COMPOSE_MISSING', `${name}: ${error.message}`, { fatal: true, remedy });
    }
    throw error;
  });
  // podman-compose prints the version of podman below its own, older ones above it.
  const own = /compose\w*(?: \w+)? version:?\s+v?(\d+\.\d+\S*)/i.exec(result.stdout)?.[1];
  const found = findVersion(own ?? result.stdout);
  if (result.exitCode !== 0 || found === undefined) {
    const tail = lastLines(result.stderr || result.stdout, 4);
    throw new UnetError('UNET_COMPOSE_MISSING', `${name} version ${describeEnd(result, options.timeoutMs)}`, {
      fatal: true,
      tail,
      remedy,
    });
  }
  if (!isAtLeast(found.version, least)) {
    throw new UnetError(
      'UNET_COMPOSE_OLD',
      `${name} is ${found.text}, which cannot read the compose file of a release: ${least.join('.')} or later is needed`,
      { fatal: true, remedy },
    );
  }
  return { compose, version: found.text };
}
