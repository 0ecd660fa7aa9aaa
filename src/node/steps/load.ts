/** The images of an offline pack: the node's own into the container engine, the others to where the node sees them. */
import { mkdir } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { imageId } from '../../engine/images.ts';
import { loadImageStream } from '../../engine/load-image.ts';
import { UnetError } from '../../errors.ts';
import { formatBytes } from '../../events/bytes.ts';
import { exists } from '../../files/exists.ts';
import { createPrivateFile } from '../../files/private-file.ts';
import { ownArchitecture, sameArchitecture } from '../../pack/architecture.ts';
import type { PackMember } from '../../pack/manifest.ts';
import { memberContent, type Pack } from '../../pack/reader.ts';
import { withDeadline } from '../../process/deadline.ts';
import { containerRuns } from '../container-runs.ts';
import { type NodeContext, need, type Step } from '../context.ts';
import { type LoadedPack, withPack } from '../receive-pack.ts';
import type { StepLog } from '../step-log.ts';

/** In the staged release, which the node has mounted. */
const IMAGES = '.unet-images';
const MOUNTED = '/usernetes';

export const load: Step = {
  name: 'load',
  applies: ({ spec }) => spec.pack !== undefined,
  isDone: async (context, _log, signal) => {
    const { loaded } = context;
    if (loaded === undefined || !(await hasNodeImage(loaded, context, signal))) {
      return false;
    }
    // What is imported into the container is there as long as the container is; of the rest the archive has to be there.
    const inContainer = await containerRuns(context, signal);
    const there = await Promise.all(
      loaded.images.map(({ file, imported }) => (imported && inContainer) || exists(file)),
    );
    return there.every((isThere) => isThere);
  },
  run: async (context, log, signal) => {
    const ms = context.spec.stepTimeouts.load;
    context.loaded = await withDeadline(
      ms,
      signal,
      (limit) => withPack(context, limit, (pack) => loadMembers(pack, context, log, limit)),
      () => new UnetError('UNET_STEP_TIMEOUT', `the pack was not loaded within ${ms / 1000} s`),
    );
  },
};

async function loadMembers(
  pack: Pack,
  context: NodeContext,
  log: StepLog,
  signal: AbortSignal,
): Promise<LoadedPack> {
  sameArchitecture(`the pack ${pack.path}`, pack.manifest.architecture, context.node, ownArchitecture());
  const images: LoadedPack['images'] = [];
  let nodeImage: LoadedPack['nodeImage'];
  for (const member of pack.manifest.members) {
    if (member.kind === 'node-image' && context.spec.container.image === context.spec.pack?.image) {
      nodeImage = await loadNodeImage(pack, member, context, log, signal);
    } else if (member.kind === 'image') {
      images.push(await unpackImage(pack, member, context, log, signal));
    }
  }
  return { images, nodeImage };
}

/** Passed over where the engine has it under its name: by its id, since a name may be another image's by now. */
async function loadNodeImage(
  pack: Pack,
  member: PackMember,
  context: NodeContext,
  log: StepLog,
  signal: AbortSignal,
): Promise<LoadedPack['nodeImage']> {
  const engine = need(context.engine, 'the engine');
  const [image] = member.images ?? [];
  const [name = ''] = image?.names ?? [];
  const env = context.environment();
  const options = { env, timeoutMs: context.spec.stepTimeouts.load, signal };
  if ((await imageId(engine, name, options)) === image?.id) {
    log.line(`${name} is there already`);
    return image;
  }
  const shown = `${name} of ${pack.path}`;
  await loadImageStream(engine, memberContent(pack, member, { env, signal }), { ...options, shown });
  log.line(`${name}: ${formatBytes(member.contentBytes)} loaded`);
  return image;
}

/** The engine has it under its name; by its id, since a name may be another image's by now. */
async function hasNodeImage(
  { nodeImage }: LoadedPack,
  context: NodeContext,
  signal: AbortSignal,
): Promise<boolean> {
  if (nodeImage === undefined) {
    return true;
  }
  const options = { env: context.environment(), timeoutMs: context.spec.stepTimeouts.load, signal };
  const [name = ''] = nodeImage.names;
  return (await imageId(need(context.engine, 'the engine'), name, options)) === nodeImage.id;
}

async function unpackImage(
  pack: Pack,
  member: PackMember,
  context: NodeContext,
  log: StepLog,
  signal: AbortSignal,
): Promise<LoadedPack['images'][number]> {
  const directory = join(context.record.stage, IMAGES);
  await mkdir(directory, { recursive: true, mode: 0o700 });
  const name = basename(member.path).replace(/\.(gz|zst)$/, '');
  await createPrivateFile(join(directory, name), async (file) => {
    for await (const chunk of memberContent(pack, member, { env: context.environment(), signal })) {
      await file.appendFile(chunk);
    }
  });
  log.line(`${name}: ${formatBytes(member.contentBytes)} unpacked`);
  return {
    file: join(directory, name),
    imported: false,
    path: `${MOUNTED}/${IMAGES}/${name}`,
    names: (member.images ?? []).flatMap(({ names }) => names),
  };
}
