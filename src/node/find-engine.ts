/** The engine of this node, and what podman gets of this job's own, written into the record before it is made. */
import which from 'which';
import { detectEngine } from '../engine/detect.ts';
import type { Engine } from '../engine/engine.ts';
import { jobStorage, makeStorage, whyJobStorage, withUsableRuntimeDirectory } from '../engine/storage.ts';
import { UnetError } from '../errors.ts';
import type { NodeContext } from './context.ts';
import { writeNodeRecord } from './record.ts';
import type { StepLog } from './step-log.ts';

const PODMAN: Engine = { name: 'podman', type: 'podman', command: ['podman'], compose: [] };

/**
 * Finds the engine that works here; podman's storage is moved to a local directory where the site's is shared.
 *
 * @throws UnetError as `detectEngine`, UNET_OVERRIDE_REFUSED, UNET_ENGINE_FAILED.
 */
export async function findEngine(context: NodeContext, log: StepLog, signal: AbortSignal): Promise<Engine> {
  const { spec, record } = context;
  const asked = spec.container.storage === 'job' && spec.engine === 'auto' ? 'podman' : spec.engine;
  const find = () =>
    detectEngine(record.stage, {
      engine: asked,
      compose: spec.compose,
      env: context.environment(),
      timeoutMs: spec.stepTimeouts.stage,
      signal,
    });
  const environment = context.environment();
  if ((await withUsableRuntimeDirectory(environment)) !== environment) {
    log.line('XDG_RUNTIME_DIR is no directory of ours: podman finds another');
    record.variables = { ...record.variables, XDG_RUNTIME_DIR: '' };
  }
  const mayBePodman = async () => (asked === 'auto' || asked === 'podman') && (await hasPodman(context));
  if (spec.container.storage === 'job' && (await mayBePodman())) {
    // Before the first question: the site's storage is then never touched.
    await giveStorage(context, PODMAN, log, signal);
  }
  try {
    const engine = await find();
    return (await giveStorage(context, engine, log, signal)) ? await find() : engine;
  } catch (error) {
    // With its storage on a shared filesystem podman may answer nothing at all.
    const stuck = UnetError.is(error) && error.code === 'UNET_ENGINE_MISSING' && (await mayBePodman());
    if (!stuck || !(await giveStorage(context, PODMAN, log, signal))) {
      throw error;
    }
    return await find();
  }
}

async function hasPodman(context: NodeContext): Promise<boolean> {
  return (await which('podman', { path: context.environment().PATH ?? '', nothrow: true })) !== null;
}

/** Whether it got some now. */
async function giveStorage(
  context: NodeContext,
  engine: Engine,
  log: StepLog,
  signal: AbortSignal,
): Promise<boolean> {
  const { spec, node, record, directory } = context;
  if (record.storage !== undefined) {
    return false;
  }
  const why = await whyJobStorage(spec.container.storage, engine, context.environment());
  if (why === undefined) {
    return false;
  }
  const { jobId, stepTimeouts } = spec;
  const { graph, runtime } = jobStorage({ jobId, node, directory });
  record.storage = { graph, runtime };
  record.engine = { type: engine.type, command: [...engine.command] };
  await writeNodeRecord(directory, record);
  const storage = await makeStorage(engine, {
    jobId,
    node,
    directory,
    env: context.environment(),
    timeoutMs: stepTimeouts.stage,
    signal,
  });
  record.variables = { ...record.variables, ...storage.variables };
  await writeNodeRecord(directory, record);
  log.line(`storage of this job's own (${why}): ${storage.driver} in ${storage.graph}`);
  return true;
}
