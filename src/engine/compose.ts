/** Making a release's compose command this node's own: project, override file and wrapper, in its private directory. */
import { join } from 'node:path';
import { UnetError } from '../errors.ts';
import { writePrivateFile } from '../files/private-file.ts';
import type { Environment } from '../process/environment.ts';
import type { ComposeFile } from './compose-file.ts';
import { renderWrapper } from './compose-wrapper.ts';
import type { ContainerOptions } from './container-options.ts';
import type { Engine } from './engine.ts';
import { projectName } from './identity.ts';
import { labelsOf } from './labels.ts';
import { renderOverride } from './override.ts';

export type ComposeInput = {
  jobId: string;
  node: string;
  /** The node's directory, 0700. */
  directory: string;
  /** The staged release's; undefined when it has none. */
  file: ComposeFile | undefined;
  engine: Engine;
  options: ContainerOptions;
  /** Tells releases apart: the image that one builds is named after it. */
  releaseSha256: string;
  /** The host's proxy variables, as the node gets them. */
  proxy: Environment;
};

// Words by which a compose command would do what the wrapper is there for, or step around the release's own network.
const RESERVED = /^(-f|--file|-p|--project-name|--project-directory|--env-file|--profile)(=|$)/;
const NETWORK = /--net(work)?\b/;

/**
 * Writes `compose` and `override.yaml`, and returns the engine with the wrapper as its compose command. A release
 * without a compose file keeps its own command; it must not be asked for anything that takes one.
 *
 * @throws UnetError UNET_OVERRIDE_REFUSED, and what writing a file throws.
 */
export async function writeCompose(input: ComposeInput): Promise<Engine> {
  const { engine, options, directory, file } = input;
  refuseWords(engine.compose);
  if (file === undefined) {
    return engine;
  }
  const override = join(directory, 'override.yaml');
  const wrapper = join(directory, 'compose');
  const wrapperText = renderWrapper({
    compose: engine.compose,
    project: projectName(input.jobId, input.node),
    files: [file.path, override],
    noBuild: options.image !== undefined,
  });
  await Promise.all([
    writePrivateFile(override, overrideText(input, file), { durable: false }),
    writePrivateFile(wrapper, wrapperText, { durable: false, mode: 0o700 }),
  ]);
  return { ...engine, compose: [wrapper] };
}

function overrideText(input: ComposeInput, file: ComposeFile): string {
  const { jobId, node, engine, options, proxy } = input;
  const text = renderOverride({
    file,
    options,
    image: options.image ?? builtImage(input.releaseSha256),
    labels: labelsOf({ jobId, node }),
    proxy,
    engineType: engine.type,
  });
  return `# Written by unet for job ${jobId}, node ${node}.\n${text}`;
}

/**
 * The name of the image that a release builds. Named after the project, as compose does it, each job would leave one
 * more behind; so they all share it, and with it the layers that were built once.
 */
export function builtImage(releaseSha256: string): string {
  return `localhost/unet-node:${releaseSha256.slice(0, 12)}`;
}

/**
 * docker-compose 1.29.2 says "Unsupported config option for services.node: 'annotations'" (seen with gen2-v20240527.0 and
 * gen2-v20250828.0), though it works otherwise.
 *
 * @throws UnetError UNET_COMPOSE_OLD
 */
export function refuseOldClient({ compose, composeVersion }: Engine, file: ComposeFile): void {
  const isFirst = (compose[0] ?? '').endsWith('docker-compose') && composeVersion?.startsWith('1.') === true;
  if (isFirst && file.annotated) {
    throw new UnetError(
      'UNET_COMPOSE_OLD',
      `docker-compose ${composeVersion} cannot read this release’s compose file, which uses annotations`,
      { fatal: true, remedy: 'install the compose plugin of docker ("docker compose"), or use podman' },
    );
  }
}

/** @throws UnetError UNET_OVERRIDE_REFUSED */
export function refuseWords(compose: readonly string[]): void {
  const word = compose.find((one, index) => index > 0 && (RESERVED.test(one) || NETWORK.test(one)));
  if (word !== undefined) {
    const why = NETWORK.test(word)
      ? "a node's network is its release's: addresses, ports and flannel depend on it"
      : 'unet sets the project and files itself, to keep jobs apart and to clean up';
    throw new UnetError('UNET_OVERRIDE_REFUSED', `--compose with ${word}: ${why}`, {
      fatal: true,
      remedy: 'remove it; use --mount, --publish, --env and similar flags to change the container',
    });
  }
}
