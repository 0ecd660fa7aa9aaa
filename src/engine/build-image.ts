/** The node image of a release, built by its own compose file as `make up` would. */
import { UnetError } from '../errors.ts';
import { describeEnd, lastLines, run } from '../process/run.ts';
import { type Engine, engineVariables } from './engine.ts';
import { hasImage, type ImageOptions } from './images.ts';
import { runMake } from './make.ts';

export type BuildOptions = ImageOptions & {
  /** The staged release. */
  stage: string;
  /** What the image is to be called. */
  name: string;
  /** Of compose: what it builds carries its name at first. */
  project: string;
};

// A target of our own, so that compose finds the variables that the Makefile exports and the compose file asks for.
const TARGET = 'unet-build-image';
const RULE = `.PHONY: ${TARGET}\n${TARGET}:\n\t$(COMPOSE) build`;

// Make computes them from the host, and a login node may have no route to compute them from.
const ANY_NODE = { HOST_IP: '127.0.0.1', NODE_NAME: 'u7s-pack', NODE_SUBNET: '10.100.0.0/24', QUICK: '1' };

/** @throws UnetError UNET_IMAGE_BUILD with the last lines. */
export async function buildNodeImage(engine: Engine, options: BuildOptions): Promise<void> {
  const { stage, name, project, timeoutMs, signal, onLine } = options;
  const env = {
    ...options.env,
    ...engineVariables(engine),
    ...ANY_NODE,
    COMPOSE_PROJECT_NAME: project,
  };
  const args = ['-C', stage, '--eval', RULE, TARGET];
  const result = await runMake(args, { stage, env, timeoutMs, signal, onLine });
  signal?.throwIfAborted();
  if (result.exitCode !== 0) {
    throw new UnetError(
      'UNET_IMAGE_BUILD',
      `the node image could not be built: ${engine.compose.join(' ')} build ${describeEnd(result, timeoutMs)}`,
      {
        tail: lastLines(`${result.stdout}\n${result.stderr}`),
        remedy:
          'build it on a machine with internet access, or use an existing image with --node-image NAME or FILE',
      },
    );
  }
  const built = await builtName(engine, project, options);
  await rename(engine, built, name, options);
}

/** Compose calls it after project and service: podman-compose and docker-compose 1 with "_", the others with "-". */
async function builtName(engine: Engine, project: string, options: ImageOptions): Promise<string> {
  for (const name of [`localhost/${project}_node`, `${project}-node`, `${project}_node`]) {
    if (await hasImage(engine, name, options)) {
      return name;
    }
  }
  throw new UnetError(
    'UNET_IMAGE_BUILD',
    `${engine.name} has no image of project ${project} after the build`,
    {
      remedy: `look for it with "${engine.name} images", and name it with --node-image`,
    },
  );
}

async function rename(engine: Engine, from: string, to: string, options: ImageOptions): Promise<void> {
  const { env, timeoutMs, signal } = options;
  for (const argv of [
    [...engine.command, 'tag', from, to],
    [...engine.command, 'rmi', from],
  ]) {
    const result = await run(argv, { env, timeoutMs, signal });
    signal?.throwIfAborted();
    if (result.exitCode !== 0) {
      throw new UnetError('UNET_IMAGE_BUILD', `${argv.join(' ')} ${describeEnd(result, timeoutMs)}`, {
        tail: lastLines(result.stderr),
      });
    }
  }
}
