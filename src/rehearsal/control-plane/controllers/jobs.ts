/** The Job controller: pods until enough have succeeded or too many have failed. */
import { requestDeletion } from '../../api/deletion.ts';
import { at, type Fields, type KubeObject, listAt, textAt, timestamp } from '../../api/objects.ts';
import { resourceTypes } from '../../api/resource-types.ts';
import type { StoredObject } from '../../api/store.ts';
import type { ControllerContext } from '../controllers.ts';
import { condition, createPod, deletePod, isActive, isPodReady, podsAmong } from './owned-pods.ts';
import { runReconciler } from './reconcile.ts';
import { recordEvent } from './record-event.ts';

const component = 'job-controller';
const indexAnnotation = 'batch.kubernetes.io/job-completion-index';

type Outcome = { type: 'Complete' | 'Failed'; reason: string; message: string };

export function runJobs(context: ControllerContext): void {
  runReconciler(context, {
    type: resourceTypes.jobs,
    owned: [resourceTypes.pods],
    reconcile: (job, own) => reconcileJob(context, job, own),
  });
}

function reconcileJob(
  context: ControllerContext,
  job: KubeObject,
  own: readonly StoredObject[],
): number | undefined {
  const { store } = context;
  if (job.metadata.deletionTimestamp !== undefined) return undefined;
  const pods = podsAmong(own);
  const ended = outcomeOf(job);
  if (ended !== undefined) return afterEnd(context, job, pods);
  const outcome = decide(job, pods);
  const active = pods.filter(isActive);
  const suspended = at(job, 'spec', 'suspend') === true;
  if (outcome !== undefined || suspended) {
    for (const pod of active) deletePod(store, job, pod, component);
  }
  if (outcome === undefined && !suspended) {
    // The status first: creating may be refused, and is tried again later.
    writeStatus(context, job, pods, undefined);
    startPods(context, job, pods);
  }
  const after = podsAmong(store.dependentsOf(job.metadata.uid));
  const updated = writeStatus(context, job, after, outcome);
  if (outcome !== undefined) {
    recordEvent(store, job, {
      type: outcome.type === 'Complete' ? 'Normal' : 'Warning',
      reason: outcome.type === 'Complete' ? 'Completed' : outcome.reason,
      message: outcome.message,
      component,
    });
    return afterEnd(context, updated, after);
  }
  return untilDeadline(updated);
}

function outcomeOf(job: KubeObject): Fields | undefined {
  return listAt(job, 'status', 'conditions').find(
    ({ type, status }) => (type === 'Complete' || type === 'Failed') && status === 'True',
  );
}

function decide(job: KubeObject, pods: readonly KubeObject[]): Outcome | undefined {
  const failed = pods.filter((pod) => textAt(pod, 'status', 'phase') === 'Failed').length;
  const restarts = pods
    .filter(isActive)
    .flatMap((pod) => listAt(pod, 'status', 'containerStatuses'))
    .reduce((sum, { restartCount }) => sum + Number(restartCount ?? 0), 0);
  if (untilDeadline(job) === 0) {
    return {
      type: 'Failed',
      reason: 'DeadlineExceeded',
      message: 'Job was active longer than specified deadline',
    };
  }
  if (failed + restarts > Number(at(job, 'spec', 'backoffLimit') ?? 6)) {
    return {
      type: 'Failed',
      reason: 'BackoffLimitExceeded',
      message: 'Job has reached the specified backoff limit',
    };
  }
  const done = succeeded(job, pods);
  const completions = at(job, 'spec', 'completions');
  const enough =
    completions === undefined || completions === null
      ? done > 0 && !pods.some(isActive)
      : done >= Number(completions);
  return enough
    ? { type: 'Complete', reason: 'CompletionsReached', message: 'Reached expected number of succeeded pods' }
    : undefined;
}

function succeeded(job: KubeObject, pods: readonly KubeObject[]): number {
  const ended = pods.filter((pod) => textAt(pod, 'status', 'phase') === 'Succeeded');
  return isIndexed(job) ? new Set(ended.map(indexOf)).size : ended.length;
}

function startPods({ store }: ControllerContext, job: KubeObject, pods: readonly KubeObject[]): void {
  const active = pods.filter(isActive);
  const parallelism = Number(at(job, 'spec', 'parallelism') ?? 1);
  const completions = Number(at(job, 'spec', 'completions') ?? Number.POSITIVE_INFINITY);
  const done = succeeded(job, pods);
  // Without a number of completions, the first success ends the starting of others.
  const missing = completions === Number.POSITIVE_INFINITY && done > 0 ? 0 : completions - done;
  const wanted = Math.min(parallelism, missing);
  for (const pod of active.slice(wanted)) deletePod(store, job, pod, component);
  const indexes = isIndexed(job) ? freeIndexes(pods, completions) : [];
  for (let i = active.length; i < wanted; i++)
    createPod(store, job, component, shapeOf(job, indexes.shift()));
}

function shapeOf(job: KubeObject, index: number | undefined) {
  if (index === undefined) return {};
  const { name } = job.metadata;
  return {
    prefix: `${name}-${index}`,
    hostname: `${name}-${index}`,
    annotations: { [indexAnnotation]: String(index) },
    labels: { [indexAnnotation]: String(index) },
    env: [{ name: 'JOB_COMPLETION_INDEX', value: String(index) }],
  };
}

function freeIndexes(pods: readonly KubeObject[], completions: number): number[] {
  const taken = new Set(
    pods.filter((pod) => isActive(pod) || textAt(pod, 'status', 'phase') === 'Succeeded').map(indexOf),
  );
  return Array.from({ length: completions }, (_, i) => i).filter((i) => !taken.has(String(i)));
}

function isIndexed(job: KubeObject): boolean {
  return at(job, 'spec', 'completionMode') === 'Indexed';
}

function indexOf(pod: KubeObject): string {
  return pod.metadata.annotations?.[indexAnnotation] ?? '';
}

function writeStatus(
  { store }: ControllerContext,
  job: KubeObject,
  pods: readonly KubeObject[],
  outcome: Outcome | undefined,
): KubeObject {
  const now = timestamp();
  const before = listAt(job, 'status', 'conditions');
  const active = outcome === undefined ? pods.filter(isActive) : [];
  const suspended = at(job, 'spec', 'suspend') === true;
  const conditions: Fields[] = suspended
    ? [
        {
          ...condition(before, now, {
            type: 'Suspended',
            status: 'True',
            reason: 'JobSuspended',
            message: 'Job suspended',
          }),
        },
      ]
    : [];
  if (outcome !== undefined) {
    const first = outcome.type === 'Complete' ? 'SuccessCriteriaMet' : 'FailureTarget';
    conditions.push(
      { ...outcome, type: first, status: 'True', lastProbeTime: now, lastTransitionTime: now },
      { ...outcome, status: 'True', lastProbeTime: now, lastTransitionTime: now },
    );
  }
  return store.modify(resourceTypes.jobs, job.metadata.name, job.metadata.namespace, (object) => {
    const count = (phase: string) => pods.filter((pod) => textAt(pod, 'status', 'phase') === phase).length;
    const old = (object.status ?? {}) as Fields;
    object.status = {
      ...old,
      ...(suspended ? {} : { startTime: old.startTime ?? now }),
      ...(active.length > 0 ? { active: active.length } : { active: undefined }),
      ready: active.filter(isPodReady).length,
      terminating: pods.filter((pod) => pod.metadata.deletionTimestamp !== undefined).length,
      ...(succeeded(job, pods) > 0 && { succeeded: succeeded(job, pods) }),
      ...(count('Failed') > 0 && { failed: count('Failed') }),
      ...(conditions.length > 0 ? { conditions } : { conditions: undefined }),
      ...(outcome?.type === 'Complete' && { completionTime: now }),
    };
    object.status = Object.fromEntries(
      Object.entries(object.status as Fields).filter(([, value]) => value !== undefined),
    );
  });
}

/** Milliseconds until the job's deadline; 0 when it is over, undefined when there is none. */
function untilDeadline(job: KubeObject): number | undefined {
  const seconds = at(job, 'spec', 'activeDeadlineSeconds');
  const start = Date.parse(textAt(job, 'status', 'startTime'));
  if (seconds === undefined || Number.isNaN(start)) return undefined;
  return Math.max(0, start + Number(seconds) * 1000 - Date.now());
}

/** What is left active goes, and the job itself when its time to live is over. */
function afterEnd(
  { store }: ControllerContext,
  job: KubeObject,
  pods: readonly KubeObject[],
): number | undefined {
  for (const pod of pods.filter(isActive)) deletePod(store, job, pod, component);
  const ttl = at(job, 'spec', 'ttlSecondsAfterFinished');
  if (ttl === undefined || ttl === null) return undefined;
  const ended = Date.parse(textAt(outcomeOf(job), 'lastTransitionTime'));
  const leftMs = ended + Number(ttl) * 1000 - Date.now();
  if (leftMs > 0) return leftMs;
  requestDeletion(store, resourceTypes.jobs, job, { propagation: 'Background' });
  return undefined;
}
