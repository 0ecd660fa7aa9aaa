/** The manager over Kubernetes. */
import { withDeadline } from '../deadline.ts';
import { ClusterError } from '../errors.ts';
import type { ClusterBackend, Execution, ExecutionEvent, Job, Signalled, WaitingJob } from '../types.ts';
import type { KubernetesContext } from './connect.ts';
import { createFollower, type Follower } from './follower.ts';
import { isUnscheduled, jobObject, parallelismOf, readExecution, readJob } from './job-object.ts';
import { followLog, readLog } from './logs.ts';
import type { Kind, KubernetesObject } from './objects.ts';

const kindIn =
  (apiVersion: string, kind: string) =>
  (namespace?: string): Kind => ({ apiVersion, kind, namespace });
const jobs = kindIn('batch/v1', 'Job');
const pods = kindIn('v1', 'Pod');
const events = kindIn('v1', 'Event');
const accounts = kindIn('v1', 'ServiceAccount');
const namespaces: Kind = { apiVersion: 'v1', kind: 'Namespace' };
const JOB_LABEL = 'job-name';

export function createKubernetesBackend(context: KubernetesContext): ClusterBackend {
  const { objects } = context;
  const followers = new Map<string, Follower>();
  const followerOf = (kind: Kind): Follower => {
    const key = `${kind.apiVersion} ${kind.kind} ${kind.namespace ?? ''}`;
    const known = followers.get(key) ?? createFollower(objects, kind);
    followers.set(key, known);
    return known;
  };

  const podsOf = (namespace: string, name: string | undefined, { signal }: Signalled) =>
    objects.list(pods(namespace), {
      labelSelector: name === undefined ? JOB_LABEL : `${JOB_LABEL}=${name}`,
      signal,
    });

  const eventsOf = async (namespace: string, kind: string, { signal }: Signalled) => {
    const list = await objects.list(events(namespace), {
      fieldSelector: `involvedObject.kind=${kind}`,
      signal,
    });
    const byName = new Map<string, ExecutionEvent[]>();
    for (const event of list.map(readEvent))
      byName.set(event.about, [...(byName.get(event.about) ?? []), event]);
    return byName;
  };

  const backend: ClusterBackend = {
    createNamespace: (name, options) =>
      withDeadline(`create namespace ${name}`, options, async (signal) => {
        const made = await createUnlessThere(() =>
          objects.create({ ...namespaces, metadata: { name } }, { signal }),
        );
        if (!made) await refuseTerminating(context, name, signal);
        // Pods cannot be created before the controller has made the default account.
        await untilThere(accounts(name), 'default', signal);
        return made;
      }),

    deleteNamespace: (name, options) =>
      withDeadline(`delete namespace ${name}`, options, async (signal) => {
        if (!(await objects.delete(namespaces, name, { signal }))) return false;
        await followerOf(namespaces).untilGone(name, signal);
        return true;
      }),

    getNodes: async ({ signal }) =>
      (await objects.list({ apiVersion: 'v1', kind: 'Node' }, { signal })).map((node) => ({
        id: node.metadata.uid ?? '',
        hostname: node.metadata.name,
        ready: isReadyNode(node),
      })),

    defineQuota: async (namespace, { cpu, memory, hard = {}, name = 'quota' }, { signal }) => {
      const limits = {
        ...hard,
        ...(cpu && { 'limits.cpu': cpu }),
        ...(memory && { 'limits.memory': memory }),
      };
      if (Object.keys(limits).length === 0)
        throw new ClusterError('Invalid', 'a quota needs a limit: cpu, memory or hard');
      await objects.apply(
        { apiVersion: 'v1', kind: 'ResourceQuota', metadata: { name, namespace }, spec: { hard: limits } },
        { signal, force: true },
      );
    },

    createJob: async (namespace, name, spec, options) => {
      const object = jobObject(namespace, name, spec);
      if (spec.delete === true) await backend.deleteJob(namespace, name, { ...options, wait: true });
      const created = await objects.create(object, options);
      followerOf(jobs(namespace)).know(created);
      return readJob(created);
    },

    listJobs: async (namespace, { signal }) => (await objects.list(jobs(namespace), { signal })).map(readJob),

    getJob: async (namespace, name, { signal }) => {
      const found = await objects.get(jobs(namespace), name, { signal });
      return found === null ? null : readJob(found);
    },

    deleteJob: async (namespace, name, { wait, ...options }) => {
      const remove = (propagation: 'Foreground' | 'Background', signal: AbortSignal | undefined) =>
        objects.delete(jobs(namespace), name, { propagation, signal });
      if (!wait) return await remove('Background', options.signal);
      const follower = followerOf(jobs(namespace));
      const release = follower.hold();
      try {
        return await withDeadline(`delete job ${name}`, options, async (signal) => {
          const there = await remove('Foreground', signal);
          if (there) await follower.untilGone(name, signal);
          return there;
        });
      } finally {
        release();
      }
    },

    cleanupJobs: async (namespace, options) => {
      const names = (await objects.list(jobs(namespace), { signal: options.signal })).map(
        ({ metadata }) => metadata.name,
      );
      const remove = async (signal: AbortSignal) => {
        const follower = followerOf(jobs(namespace));
        await inGroups(names, async (name) => {
          await objects.delete(jobs(namespace), name, { propagation: 'Foreground', signal });
        });
        await Promise.all(names.map((name) => follower.untilGone(name, signal)));
      };
      try {
        await withDeadline(`clean up jobs of ${namespace}`, options, remove);
        return [];
      } catch (error) {
        if (!ClusterError.isCluster(error, 'Timeout')) throw error;
        const left = await objects.list(jobs(namespace), { signal: options.signal });
        return left.map(({ metadata }) => metadata.name).filter((name) => names.includes(name));
      }
    },

    waitForJob: (namespace, name, options) => {
      let last: Job | undefined;
      return withDeadline(
        `job ${name} in ${namespace} to end`,
        options,
        (signal) =>
          followerOf(jobs(namespace)).until(
            name,
            (object) => {
              last = readJob(object);
              return last.finished ? last : undefined;
            },
            signal,
          ),
        () => (last === undefined ? '' : `${last.active} active`),
      );
    },

    listExecutions: async (namespace, name, options) => {
      const [list, told] = await Promise.all([
        podsOf(namespace, name, options),
        eventsOf(namespace, 'Pod', options),
      ]);
      return list.map((pod) => readExecution(pod, told.get(pod.metadata.uid ?? '') ?? []));
    },

    getExecutionLog: (namespace, _name, id, options) => readLog(context, pods(namespace), id, options),
    followExecutionLog: (namespace, _name, id, options) => followLog(context, pods(namespace), id, options),
    deleteExecution: (namespace, _name, id, { signal }) => objects.delete(pods(namespace), id, { signal }),

    waitForJobExecutionStatus: (namespace, _name, id, status, options) => {
      let last: Execution | undefined;
      return withDeadline(
        `execution ${id} to be ${status}`,
        options,
        (signal) =>
          followerOf(pods(namespace)).until(
            id,
            (object) => {
              last = readExecution(object);
              return reached(last, status) ? last : undefined;
            },
            signal,
          ),
        () =>
          last === undefined ? '' : `${last.status}${last.reason === undefined ? '' : `: ${last.reason}`}`,
      );
    },

    waitingJobs: async (namespace, options) => {
      const [all, list, told] = await Promise.all([
        objects.list(jobs(namespace), { signal: options.signal }),
        podsOf(namespace, undefined, options),
        eventsOf(namespace, 'Job', options),
      ]);
      const byJob = groupByJob(list);
      return all.flatMap((object) => waitingJob(object, byJob.get(object.metadata.name) ?? [], told) ?? []);
    },

    getScale: async (namespace, name, { signal }) => {
      const found = await objects.get(jobs(namespace), name, { signal });
      if (found === null) throw new ClusterError('NotFound', `there is no job "${name}" in ${namespace}`);
      return parallelismOf(found);
    },

    setScale: async (namespace, name, scale, { signal }) => {
      await objects.patch(jobs(namespace), name, { spec: { parallelism: scale } }, { signal });
    },

    close: async () => {
      for (const follower of followers.values()) follower.close();
    },
  };

  /** Waits for what a controller makes. */
  async function untilThere(kind: Kind, name: string, signal: AbortSignal): Promise<void> {
    for await (const { type, object } of objects.watch(kind, {
      fieldSelector: `metadata.name=${name}`,
      signal,
    })) {
      if (type !== 'DELETED' && object.metadata.name === name) return;
    }
    signal.throwIfAborted();
  }

  return backend;
}

async function createUnlessThere(create: () => Promise<unknown>): Promise<boolean> {
  try {
    await create();
    return true;
  } catch (error) {
    if (ClusterError.isCluster(error, 'AlreadyExists')) return false;
    throw error;
  }
}

/** A namespace on its way out takes nothing new: that is no success. */
async function refuseTerminating(
  { objects }: KubernetesContext,
  name: string,
  signal: AbortSignal,
): Promise<void> {
  const found = await objects.get(namespaces, name, { signal });
  if (found?.metadata.deletionTimestamp === undefined) return;
  throw new ClusterError('Conflict', `namespace ${name} is being deleted`, {
    remedy: 'wait until it is gone: unet cluster ns delete NAME returns then',
  });
}

/** A few at a time: the server shares its room among all its clients. */
async function inGroups<T>(items: readonly T[], work: (item: T) => Promise<void>): Promise<void> {
  const rest = [...items];
  const worker = async () => {
    for (let item = rest.shift(); item !== undefined; item = rest.shift()) await work(item);
  };
  await Promise.all(Array.from({ length: Math.min(16, items.length) }, worker));
}

/** @throws ClusterError Conflict when it has ended otherwise */
export function reached({ id, status, reason }: Execution, wanted: Execution['status']): boolean {
  if (status === wanted) return true;
  const over = status === 'done' || status === 'failed';
  if (wanted === 'running' && status === 'done') return true;
  if (!over) return false;
  throw new ClusterError(
    'Conflict',
    `execution ${id} is ${status}, and will not be ${wanted}${reason ? `: ${reason}` : ''}`,
  );
}

function waitingJob(
  object: KubernetesObject,
  own: readonly KubernetesObject[],
  told: ReadonlyMap<string, readonly ExecutionEvent[]>,
): WaitingJob | undefined {
  const job = readJob(object);
  if (job.finished || own.some((pod) => !isUnscheduled(pod))) return undefined;
  const [unscheduled] = own;
  if (unscheduled !== undefined) {
    const { reason = 'waits for a node' } = readExecution(unscheduled);
    return { job, reason: 'scheduling', message: reason };
  }
  const refusal = (told.get(object.metadata.uid ?? '') ?? []).findLast(
    ({ reason }) => reason === 'FailedCreate',
  );
  if (refusal === undefined) return { job, reason: 'starting', message: 'no execution has been created yet' };
  return { job, reason: /quota/.test(refusal.message) ? 'quota' : 'starting', message: refusal.message };
}

function groupByJob(list: readonly KubernetesObject[]): Map<string, KubernetesObject[]> {
  const groups = new Map<string, KubernetesObject[]>();
  for (const pod of list) {
    const { jobId } = readExecution(pod);
    groups.set(jobId, [...(groups.get(jobId) ?? []), pod]);
  }
  return groups;
}

function isReadyNode(node: KubernetesObject): boolean {
  const { conditions = [] } = (node.status ?? {}) as { conditions?: { type: string; status: string }[] };
  return conditions.some(({ type, status }) => type === 'Ready' && status === 'True');
}

function readEvent(object: KubernetesObject): ExecutionEvent & { about: string } {
  const event = object as KubernetesObject & {
    involvedObject?: { uid?: string };
    type?: string;
    reason?: string;
    message?: string;
    lastTimestamp?: string;
    eventTime?: string;
  };
  return {
    about: event.involvedObject?.uid ?? '',
    time: event.lastTimestamp ?? event.eventTime ?? event.metadata.creationTimestamp ?? '',
    type: event.type ?? 'Normal',
    reason: event.reason ?? '',
    message: event.message ?? '',
  };
}
