/** What this node's container gets: checked when the release is staged, written down for compose before `make up`. */

import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { refuseOldClient, refuseWords, writeCompose } from '../engine/compose.ts';
import type { ContainerOptions } from '../engine/container-options.ts';
import { engineVariables } from '../engine/engine.ts';
import { hasImage, type ImageOptions, loadImage, pullImage, saveImage } from '../engine/images.ts';
import { nodeProxy } from '../engine/proxy.ts';
import { refuseExtras, refusePorts } from '../engine/refuse-extras.ts';
import { UnetError } from '../errors.ts';
import { childEnvironment } from '../process/environment.ts';
import { type NodeContext, need } from './context.ts';
import type { StepLog } from './step-log.ts';

/**
 * Refuses what does not fit the staged release or this host, and gets the image of `--image` if it is not there.
 *
 * @throws UnetError UNET_OVERRIDE_REFUSED, UNET_MOUNT_MISSING, UNET_IMAGE_MISSING, UNET_COMPOSE_OLD.
 */
export async function checkContainer(context: NodeContext, log: StepLog, signal: AbortSignal): Promise<void> {
  const { spec, composeFile: file } = context;
  const { container } = spec;
  const engine = need(context.engine, 'the engine');
  refuseWords(engine.compose);
  if (file === undefined) {
    refuseAll(container);
    return;
  }
  refuseOldClient(engine, file);
  if (spec.oneHost && spec.nodes.length > 1 && container.ports.length > 0) {
    throw new UnetError('UNET_OVERRIDE_REFUSED', '--publish: the nodes share one host and its ports', {
      fatal: true,
      remedy: 'publish with one node only, or use "unet kubectl port-forward"',
    });
  }
  await refuseExtras(container, file);
  if (container.image === undefined || container.image === spec.pack?.image) {
    return; // Built, or loaded by the next step.
  }
  const options = {
    env: context.environment(),
    timeoutMs: spec.stepTimeouts.up,
    signal,
    onLine: log.line,
  };
  if (await hasImage(engine, container.image, options)) {
    log.line(`image ${container.image} is there`);
  } else if (!(await copyFromSite(context, container.image, options))) {
    await pullImage(engine, container.image, options);
  }
}

/** With storage of the job's own: takes the image from the user's, if it is there. Whether it was. */
async function copyFromSite(context: NodeContext, image: string, options: ImageOptions): Promise<boolean> {
  const { record, directory, env } = context;
  const engine = need(context.engine, 'the engine');
  if (record.storage?.graph === undefined) {
    return false;
  }
  const { CONTAINERS_STORAGE_CONF, XDG_CONFIG_HOME } = env;
  const site = {
    ...options,
    env: childEnvironment(options.env, { CONTAINERS_STORAGE_CONF, XDG_CONFIG_HOME }),
  };
  if (!(await hasImage(engine, image, site).catch(() => false))) {
    return false;
  }
  const file = join(directory, 'storage', 'image.tar');
  await saveImage(engine, image, file, site);
  await loadImage(engine, file, options);
  await rm(file);
  return true;
}

/**
 * Writes the override file and the compose wrapper, now that ports and names are known. From here on the node's
 * compose command is the wrapper, also in the record that a teardown works from.
 *
 * @throws UnetError UNET_OVERRIDE_REFUSED when a port of `--publish` is one of the node's own.
 */
export async function writeComposeOverride(context: NodeContext, log: StepLog): Promise<void> {
  const { spec, node, record, directory } = context;
  const { container } = spec;
  const { ports, subnet } = need(context.assignment, 'the assignment');
  refusePorts(container, { ports });
  const own = [context.hostIp, subnet, ...need(context.peers, 'the peers')];
  const proxy = nodeProxy(container.proxy === 'auto' ? context.env : {}, own);
  for (const name of proxy.unreachable) {
    log.line(`${name} is not passed on: from the node its address is the node itself`);
  }
  context.nodeEngine = await writeCompose({
    jobId: spec.jobId,
    node,
    directory,
    file: context.composeFile,
    engine: need(context.engine, 'the engine'),
    options: container,
    releaseSha256: need(context.releaseSha256, 'the release'),
    proxy: proxy.variables,
  });
  record.variables = { ...record.variables, ...engineVariables(context.nodeEngine) };
}

/** A release without a compose file can be told nothing. */
function refuseAll(options: ContainerOptions): void {
  const asked = Object.entries({
    '--image': options.image,
    '--mount': options.mounts[0],
    '--publish': options.ports[0],
    '--device': options.devices[0],
    '--gpus': options.gpus,
    '--ulimit': options.ulimits[0],
    '--env': options.variables[0],
    '--ca-cert': options.caCerts[0],
  }).find(([, value]) => value !== undefined);
  if (asked !== undefined) {
    throw new UnetError('UNET_OVERRIDE_REFUSED', `${asked[0]}: this release has no compose file`, {
      fatal: true,
      remedy: 'use a release with a compose file, as those of Usernetes are',
    });
  }
}
