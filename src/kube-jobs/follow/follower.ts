/**
 * Follows any number of jobs with few watches: for each namespace one of pods, one of warnings, and one of each kind that ends by
 * itself. What a job says and how it ends goes to whoever has added it.
 */

import type { Kind } from '../../cluster/index.ts';
import { errorMessage } from '../../errors.ts';
import type { Cluster } from '../cluster.ts';
import { JOB_LABEL, ownerOf, referenceTo } from '../jobs/ownership.ts';
import type { JobRecord } from '../jobs/record.ts';
import type { KubeObject, ObjectReference } from '../object.ts';
import { followContainerLog } from './container-log.ts';
import { containerStatuses, endsByItself, judge, type Outcome } from './ending.ts';
import { type Trouble, troubleLine, troubleOfEvent, troublesOfPod } from './trouble.ts';

export type JobListeners = {
  onLine: (line: string, stream: 'stdout' | 'stderr') => void;
  /** Once; all lines have come by then. */
  onEnd: (outcome: Outcome) => void;
};

export type FollowedJob = JobListeners & {
  record: JobRecord;
  logs: boolean;
  /** Lines of logs from before are left out: RFC 3339. */
  logsSince?: string | undefined;
};

type Followed = FollowedJob & {
  /** Of those that end, by reference. */
  enders: Map<string, KubeObject | undefined>;
  pods: Map<string, KubeObject>;
  troubles: Set<string>;
  /** Logs that are being read, by pod, container and restart. */
  logsRead: Map<string, Promise<void>>;
  ended: boolean;
  stop: AbortController;
};

const PODS: Kind = { apiVersion: 'v1', kind: 'Pod' };
const EVENTS: Kind = { apiVersion: 'v1', kind: 'Event' };
// A log that does not end although its container has: what it still says is not worth a job that never ends.
const DRAIN_MS = 5000;

export class Follower {
  private readonly cluster: Cluster;
  private readonly signal: AbortSignal;
  private readonly onTrouble: (message: string) => void;
  private readonly jobs = new Map<string, Followed>();
  /** By namespace and kind: what each watch shows, as it is now. */
  private readonly watches = new Map<string, Map<string, KubeObject>>();

  constructor(cluster: Cluster, signal: AbortSignal, onTrouble: (message: string) => void = () => {}) {
    this.cluster = cluster;
    this.signal = signal;
    this.onTrouble = onTrouble;
  }

  add(job: FollowedJob): void {
    const enders = job.record.list.items.filter(endsByItself);
    this.jobs.set(job.record.id, {
      ...job,
      enders: new Map(enders.map((object) => [keyOf(referenceTo(object)), undefined])),
      pods: new Map(),
      troubles: new Set(),
      logsRead: new Map(),
      ended: false,
      stop: new AbortController(),
    });
    for (const namespace of namespacesOf(job.record)) {
      this.watch(job.record.id, PODS, namespace, JOB_LABEL);
      this.watch(job.record.id, EVENTS, namespace, undefined);
    }
    for (const { apiVersion, kind, metadata } of enders.filter(({ kind }) => kind !== 'Pod')) {
      this.watch(job.record.id, { apiVersion, kind }, metadata.namespace, JOB_LABEL);
    }
  }

  /** Its objects are another's business from now on. The watches stay for the next job, and end with the follower. */
  remove(id: string): void {
    this.jobs.get(id)?.stop.abort();
    this.jobs.delete(id);
  }

  private watch(
    id: string,
    kind: Kind,
    namespace: string | undefined,
    labelSelector: string | undefined,
  ): void {
    const key = `${namespace ?? ''} ${kind.apiVersion} ${kind.kind}`;
    const known = this.watches.get(key);
    if (known !== undefined) {
      // It may have shown objects of the job before the job was added.
      for (const object of [...known.values()].filter((shown) => ownerOf(shown) === id)) {
        this.onObject('there', object);
      }
      return;
    }
    const shown = new Map<string, KubeObject>();
    this.watches.set(key, shown);
    const fieldSelector = kind === EVENTS ? 'type=Warning' : undefined;
    void this.cluster
      .follow(
        kind,
        { namespace, labelSelector, fieldSelector },
        ({ type, object }) => {
          if (kind === EVENTS) {
            this.onEvent(object);
            return;
          }
          keep(shown, type, object);
          this.onObject(type, object);
        },
        this.signal,
        this.onTrouble,
      )
      .catch((error: unknown) => this.onTrouble(errorMessage(error)));
  }

  private onObject(type: 'there' | 'gone', object: KubeObject): void {
    const job = this.jobs.get(ownerOf(object) ?? '');
    if (job === undefined || job.ended) {
      return;
    }
    if (object.kind === 'Pod' && type === 'there') {
      job.pods.set(String(object.metadata.uid), object);
      troublesOfPod(object).forEach((trouble) => void this.say(job, trouble));
      this.readLogs(job, object);
    }
    const key = keyOf(referenceTo(object));
    if (job.enders.has(key)) {
      job.enders.set(key, type === 'gone' ? gone(job.enders.get(key) ?? object) : object);
    }
    const outcome = judge([...job.enders.values()], [...job.pods.values()]);
    if (outcome !== undefined) {
      job.ended = true;
      void this.end(job, outcome);
    }
  }

  private async end(job: Followed, decided: Outcome): Promise<void> {
    await this.lookAtPods(job);
    const outcome = judge([...job.enders.values()], [...job.pods.values()]) ?? decided;
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, DRAIN_MS);
    });
    await Promise.race([Promise.all(job.logsRead.values()), late]);
    clearTimeout(timer);
    if (!job.stop.signal.aborted) {
      job.onEnd(outcome);
    }
  }

  /** The end of a Job may be seen before the end of its pods, which have the exit code and the log: their watch is another one. */
  private async lookAtPods(job: Followed): Promise<void> {
    const labelSelector = `${JOB_LABEL}=${job.record.id}`;
    const signal = AbortSignal.any([this.signal, job.stop.signal]);
    for (const namespace of namespacesOf(job.record)) {
      const pods = await this.cluster
        .list(PODS, { namespace, labelSelector }, signal)
        .catch((error: unknown) => {
          this.onTrouble(errorMessage(error));
          return [];
        });
      for (const pod of pods) {
        job.pods.set(String(pod.metadata.uid), pod);
        this.readLogs(job, pod);
      }
    }
  }

  private onEvent(event: KubeObject): void {
    const trouble = troubleOfEvent(event);
    if (trouble === undefined) {
      return;
    }
    const job = this.jobOf(trouble, event.metadata.namespace);
    // An event is kept for an hour: it may be of an earlier object of that name.
    if (job !== undefined && trouble.at.getTime() >= secondOf(job.record.created)) {
      this.say(job, trouble);
    }
  }

  /** By what it is about: one of the job's objects, or what a controller has made of it, which has its name before its own. */
  private jobOf({ kind, name, uid }: Trouble, namespace: string | undefined): Followed | undefined {
    let nearest: { job: Followed; length: number } | undefined;
    for (const job of this.jobs.values()) {
      if (uid !== undefined && job.pods.has(uid)) {
        return job;
      }
      for (const { kind: own, metadata } of job.record.list.items) {
        const base = metadata.name ?? '';
        const same = own === kind && name === base;
        const matches = metadata.namespace === namespace && (same || name.startsWith(`${base}-`));
        if (matches && base.length > (nearest?.length ?? 0)) {
          nearest = { job, length: base.length };
        }
      }
    }
    return nearest?.job;
  }

  private say(job: Followed, trouble: Trouble): void {
    const key = `${trouble.kind} ${trouble.name} ${trouble.reason} ${trouble.text}`;
    if (!job.troubles.has(key)) {
      job.troubles.add(key);
      job.onLine(troubleLine(trouble), 'stderr');
    }
  }

  private readLogs(job: Followed, pod: KubeObject): void {
    if (!job.logs) {
      return;
    }
    const { name = '', namespace = '', uid } = pod.metadata;
    for (const status of containerStatuses(pod)) {
      const container = String(status.name);
      const state = (status.state ?? {}) as Record<string, unknown>;
      const key = `${uid}/${container}/${status.restartCount ?? 0}`;
      if (job.logsRead.has(key) || (state.running === undefined && state.terminated === undefined)) {
        continue;
      }
      const prefix = needsNames(job.record) ? `[${name}/${container}] ` : '';
      const log = followContainerLog(this.cluster, {
        pod: { name, namespace },
        container,
        since: job.logsSince,
        isRunning: () => isRunning(job.pods.get(String(uid)), container, status.restartCount),
        onLine: (line) => job.onLine(`${prefix}${line}`, 'stdout'),
        signal: AbortSignal.any([this.signal, job.stop.signal]),
      });
      job.logsRead.set(key, log);
    }
  }
}

function keep(shown: Map<string, KubeObject>, type: 'there' | 'gone', object: KubeObject): void {
  const key = keyOf(referenceTo(object));
  if (type === 'gone') {
    shown.delete(key);
  } else {
    shown.set(key, object);
  }
}

function isRunning(pod: KubeObject | undefined, container: string, restart: unknown): boolean {
  const status = pod && containerStatuses(pod).find(({ name }) => name === container);
  const state = (status?.state ?? {}) as Record<string, unknown>;
  return state.running !== undefined && status?.restartCount === restart;
}

/** What somebody else has deleted has failed, unless it had succeeded before. */
function gone(object: KubeObject): KubeObject {
  const ended = judge([object], []);
  return ended === undefined
    ? { ...object, status: { phase: 'Failed', message: 'it was deleted by another client' } }
    : object;
}

/** Whether more than one container can speak: then each line says which does. */
function needsNames({ list }: JobRecord): boolean {
  const withPods = list.items.map((item) => JSON.stringify(item).match(/"containers":\[/g)?.length ?? 0);
  const sets = withPods.reduce((sum, count) => sum + count, 0);
  const [only] = list.items.filter((_, index) => (withPods[index] ?? 0) > 0);
  return sets !== 1 || only === undefined || !endsByItself(only) || containersOf(only) !== 1;
}

function containersOf(object: KubeObject): number {
  const spec = object.spec as {
    containers?: unknown[];
    template?: { spec?: { containers?: unknown[] } };
    completions?: number;
    parallelism?: number;
  };
  const containers = spec.containers ?? spec.template?.spec?.containers ?? [];
  return containers.length * Math.max(1, spec.completions ?? spec.parallelism ?? 1);
}

export function namespacesOf({ namespace, list }: JobRecord): Set<string> {
  return new Set([namespace, ...list.items.flatMap(({ metadata }) => metadata.namespace ?? [])]);
}

function keyOf({ apiVersion, kind, namespace, name }: ObjectReference): string {
  return `${apiVersion} ${kind} ${namespace} ${name}`;
}

/** The API's times have whole seconds. */
function secondOf(iso: string): number {
  return Math.floor(new Date(iso).getTime() / 1000) * 1000;
}
