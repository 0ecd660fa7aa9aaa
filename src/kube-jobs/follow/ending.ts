/** Whether a job's objects have come to an end, and to which. A pure function of what the API shows. */
import { isJsonObject, type Json, type JsonObject, type KubeObject, objectsIn } from '../object.ts';

export type Outcome = { failed: boolean; exitCode: number; message: string };

/** What has become of one object that ends by itself. */
type End = { failed: boolean; message: string };

// Below this a container that fails is being tried again.
const MAX_RESTARTS = 3;
const SUCCEEDED = ['Complete', 'Completed', 'Succeeded'];
const FAILED = ['Failed', 'Error', 'Errored'];

/**
 * Whether an object is one that ends: a pod that is not restarted, a Job, or another kind that says by its name that it is run to
 * completion (MPIJob, PyTorchJob, RayJob, JobSet, Workflow, PipelineRun). All others serve until the walltime.
 */
export function endsByItself({ kind, spec }: KubeObject): boolean {
  if (kind === 'Pod') {
    return isJsonObject(spec) && spec.restartPolicy !== undefined && spec.restartPolicy !== 'Always';
  }
  return kind !== 'CronJob' && /(Job|JobSet|Workflow|Run)$/.test(kind);
}

/**
 * @param enders the objects that end by themselves, as they are now
 * @param pods all pods of the job, also those that have gone meanwhile
 * @returns undefined while the job goes on
 */
export function judge(
  enders: readonly (KubeObject | undefined)[],
  pods: readonly KubeObject[],
): Outcome | undefined {
  const ends = enders.map((object) => (object === undefined ? undefined : endOf(object)));
  const failure = ends.find((end) => end?.failed === true) ?? crashLoop(pods);
  if (failure !== undefined) {
    return { failed: true, exitCode: lastExitCode(pods) ?? 1, message: failure.message };
  }
  return enders.length > 0 && ends.every((end) => end !== undefined)
    ? { failed: false, exitCode: 0, message: 'all pods have succeeded' }
    : undefined;
}

function endOf({ kind, metadata, status }: KubeObject): End | undefined {
  if (!isJsonObject(status)) {
    return undefined;
  }
  const name = `${kind} ${metadata.name}`;
  const conditions = objectsIn(status.conditions).filter(
    (one) => one.status === 'True' && one.type !== undefined,
  );
  const failed = conditions.find(({ type }) => FAILED.includes(String(type)));
  const phase = kind === 'Pod' || conditions.length === 0 ? String(status.phase ?? status.state ?? '') : '';
  if (failed !== undefined || FAILED.includes(phase)) {
    const { reason, message } = failed ?? status;
    return { failed: true, message: [`${name} failed`, reason, message].filter(isText).join(': ') };
  }
  const succeeded =
    conditions.some(({ type }) => SUCCEEDED.includes(String(type))) || SUCCEEDED.includes(phase);
  return succeeded ? { failed: false, message: '' } : undefined;
}

/** A container of a pod that is always restarted, and that ends again and again. */
function crashLoop(pods: readonly KubeObject[]): End | undefined {
  for (const pod of pods.filter(isRestarted)) {
    const looping = containerStatuses(pod).find(
      (container) =>
        Number(container.restartCount ?? 0) >= MAX_RESTARTS &&
        isJsonObject(container.state) &&
        isJsonObject(container.state.waiting) &&
        container.state.waiting.reason === 'CrashLoopBackOff',
    );
    if (looping !== undefined) {
      const message = `Pod ${pod.metadata.name}: container ${looping.name} ended ${looping.restartCount} times`;
      return { failed: true, message };
    }
  }
  return undefined;
}

/** A Job counts its pods' failures itself. */
function isRestarted({ metadata, spec }: KubeObject): boolean {
  const owners = objectsIn(metadata.ownerReferences as Json | undefined);
  const policy = isJsonObject(spec) ? spec.restartPolicy : undefined;
  return (policy === undefined || policy === 'Always') && !owners.some(({ kind }) => kind === 'Job');
}

/** Of the container that failed last. */
function lastExitCode(pods: readonly KubeObject[]): number | undefined {
  return pods
    .flatMap(containerStatuses)
    .flatMap(({ state, lastState }) => [state, lastState])
    .flatMap((state) => (isJsonObject(state) && isJsonObject(state.terminated) ? [state.terminated] : []))
    .filter(({ exitCode }) => typeof exitCode === 'number' && exitCode !== 0)
    .sort((a, b) => String(a.finishedAt ?? '').localeCompare(String(b.finishedAt ?? '')))
    .map(({ exitCode }) => Number(exitCode))
    .at(-1);
}

export function containerStatuses({ status }: KubeObject): JsonObject[] {
  return isJsonObject(status)
    ? [...objectsIn(status.initContainerStatuses), ...objectsIn(status.containerStatuses)]
    : [];
}

function isText(value: unknown): value is string {
  return typeof value === 'string' && value !== '';
}
