/** Images of an offline pack, into the containerd of the node: those of the CNI and of the workload. */
import { rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { UnetError } from '../../errors.ts';
import { describeEnd, lastLines, type RunResult, run } from '../../process/run.ts';
import { type NodeContext, need, type Step } from '../context.ts';
import type { StepLog } from '../step-log.ts';

/** Kubernetes' own namespace of containerd. */
const CTR = ['ctr', '-n', 'k8s.io', 'images'];

export const images: Step = {
  name: 'images',
  applies: ({ spec, loaded }) => spec.pack !== undefined && (loaded?.images.length ?? 0) > 0,
  run: async (context, log, signal) => {
    const { images: archives = [] } = context.loaded ?? {};
    const listed = await inNode([...CTR, 'ls', '-q'], context, log, signal);
    const there = new Set(listed.exitCode === 0 ? listed.stdout.split('\n').map((line) => line.trim()) : []);
    for (const { path, names } of archives) {
      if (names.length > 0 && names.every((name) => there.has(name))) {
        log.line(`${names.join(', ')}: there already`);
      } else {
        await importArchive(path, context, log, signal);
      }
      // Node-local space is scarce where it is memory.
      await rm(join(context.record.stage, basename(dirname(path)), basename(path)), { force: true });
    }
    if (context.loaded !== undefined) {
      context.loaded.images = [];
    }
  },
};

async function importArchive(
  path: string,
  context: NodeContext,
  log: StepLog,
  signal: AbortSignal,
): Promise<void> {
  const result = await inNode([...CTR, 'import', path], context, log, signal);
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

async function inNode(
  command: readonly string[],
  context: NodeContext,
  log: StepLog,
  signal: AbortSignal,
): Promise<RunResult> {
  const engine = need(context.dressedEngine ?? context.engine, 'the engine');
  log.line(`$ ${command.join(' ')}`);
  const result = await run([...engine.compose, 'exec', '-T', 'node', ...command], {
    env: context.environment(),
    cwd: context.record.stage,
    timeoutMs: context.spec.stepTimeouts.images,
    signal,
    onLine: log.line,
  });
  signal.throwIfAborted();
  return result;
}
