/** Images of an offline pack, into the containerd of the node: those of the CNI and of the workload. */
import { rm } from 'node:fs/promises';
import { basename } from 'node:path';
import { UnetError } from '../../errors.ts';
import { describeEnd, lastLines } from '../../process/run.ts';
import type { NodeContext, Step } from '../context.ts';
import type { StepLog } from '../step-log.ts';
import { runInNode } from './run-in-node.ts';

/** Kubernetes' own namespace of containerd. */
const CTR = ['ctr', '-n', 'k8s.io', 'images'];

export const images: Step = {
  name: 'images',
  applies: ({ spec, loaded }) => spec.pack !== undefined && (loaded?.images.length ?? 0) > 0,
  isDone: async (context, log, signal) => {
    const there = await namesInNode(context, log, signal);
    return (context.loaded?.images ?? []).every(({ names }) => names.every((name) => there.has(name)));
  },
  run: async (context, log, signal) => {
    const there = await namesInNode(context, log, signal);
    for (const image of context.loaded?.images ?? []) {
      const { path, names, file } = image;
      if (names.length > 0 && names.every((name) => there.has(name))) {
        log.line(`${names.join(', ')}: there already`);
      } else {
        await importArchive(path, context, log, signal).catch(async (error: unknown) => {
          // A later try unpacks it again.
          await rm(file, { force: true });
          throw error;
        });
      }
      image.imported = true;
      // Node-local space is scarce where it is memory.
      await rm(file, { force: true });
    }
  },
};

async function namesInNode(context: NodeContext, log: StepLog, signal: AbortSignal): Promise<Set<string>> {
  const listed = await runInNode([...CTR, 'ls', '-q'], context, log, signal);
  return new Set(listed.exitCode === 0 ? listed.stdout.split('\n').map((line) => line.trim()) : []);
}

async function importArchive(
  path: string,
  context: NodeContext,
  log: StepLog,
  signal: AbortSignal,
): Promise<void> {
  const result = await runInNode([...CTR, 'import', path], context, log, signal);
  if (result.exitCode !== 0) {
    const timeoutMs = context.spec.stepTimeouts.images;
    throw new UnetError(
      result.timedOut ? 'UNET_STEP_TIMEOUT' : 'UNET_IMAGE_LOAD',
      `${basename(path)} could not be imported into the node: ctr ${describeEnd(result, timeoutMs)}`,
      {
        tail: lastLines(`${result.stdout}\n${result.stderr}`),
        remedy: 'is it an archive that containerd reads? Save it again with "podman save" or "docker save"',
      },
    );
  }
}
