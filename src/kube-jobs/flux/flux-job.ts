/** One job of Flux that is objects in a cluster, from its allocation to its end. */

import { setTimeout as sleep } from 'node:timers/promises';
import type { LimitFunction } from 'p-limit';
import { UnetError } from '../../errors.ts';
import type { FluxOptions } from '../../flux/flux.ts';
import type { Cluster } from '../cluster.ts';
import type { Follower } from '../follow/follower.ts';
import { attendJob } from '../jobs/attend.ts';
import { createJob } from '../jobs/create.ts';
import { namespaceOf, prepareJob, type Session } from '../jobs/prepare.ts';
import { type JobRecord, readRecord, withoutSecrets } from '../jobs/record.ts';
import { removeJob } from '../jobs/remove.ts';
import { describeEnding, exitCodeOf } from '../jobs/run.ts';
import { type JobRequest, readJobspec } from '../jobspec/jobspec.ts';
import type { Bridge, JobEvent } from './bridge.ts';
import { finishOverride, keepWithJob, lastOutput, raise, startOverride } from './job-calls.ts';
import { JobOutput } from './output.ts';

const REMOVE_MS = 60_000;
// A control plane that restarts is away for a minute or so; a job is not failed for that.
const OUTAGE_MS = 300_000;
const RETRY_MS = 2000;

export type FluxJobOptions = {
  /** Its submit event. */
  event: JobEvent;
  key: string;
  session: Session;
  cluster: Cluster;
  follower: Follower;
  bridge: Bridge;
  /** How many jobs make their objects at the same time, and how many remove theirs. */
  limits: { create: LimitFunction; remove: LimitFunction };
  options: FluxOptions;
  say: (line: string) => void;
  signal: AbortSignal;
};

/** Events in, calls of Flux and of the cluster out. */
export class FluxJob {
  private readonly id: string;
  private readonly f58: string;
  private readonly o: FluxJobOptions;
  private readonly output: JobOutput;
  private readonly over = new AbortController();
  private work: Promise<void> = Promise.resolve();
  private begun = false;
  /** Seconds since the epoch, of the start event. */
  private started: number | undefined;
  private record: JobRecord | undefined;
  private bypasses = false;
  private removed = false;

  constructor(options: FluxJobOptions) {
    this.o = options;
    this.id = `${options.key}-${options.event.id}`;
    this.f58 = options.event.f58;
    this.output = new JobOutput(options.bridge, options.event.id);
  }

  take({ name, timestamp, context }: JobEvent): void {
    if (name === 'set-flags') {
      this.bypasses ||= JSON.stringify(context.flags ?? []).includes('alloc-bypass');
    } else if (name === 'validate' && !this.bypasses) {
      const why =
        'alloc-bypass.so was not loaded when it was submitted, so it waits for nodes of this instance';
      this.o.say(`${this.f58}: ${why}; cancel it and submit it again`);
    } else if (name === 'start') {
      this.started = timestamp;
    } else if (name === 'alloc' && !this.begun) {
      this.begun = true;
      // The events of the past come in one go: a job that is over by its next one is not begun.
      this.work = this.work.then(() => this.run());
    } else if (name === 'finish' || name === 'clean' || (name === 'exception' && context.severity === 0)) {
      this.over.abort(new UnetError('UNET_INTERRUPTED', `the job has ended (${name})`));
    }
  }

  /** Resolves when nothing is going on for this job any more. */
  settled(): Promise<void> {
    return this.work;
  }

  private async run(): Promise<void> {
    const { signal: ending, say } = this.o;
    const signal = AbortSignal.any([ending, this.over.signal]);
    try {
      await this.live(signal);
    } catch (error) {
      if (!signal.aborted) {
        await this.fail(UnetError.from(error));
      }
    }
    // A daemon that ends leaves its jobs to the next one.
    if (!ending.aborted) {
      await this.o.limits
        .remove(() => this.remove())
        .catch((error: unknown) => say(`${this.f58}: ${UnetError.from(error).message}`));
    }
  }

  private async live(signal: AbortSignal): Promise<void> {
    const { follower, options, say } = this.o;
    const calls = { ...options, signal };
    const again = this.started !== undefined;
    this.record = await this.o.limits.create(() => this.overOutages(() => this.objects(signal), signal));
    const { record } = this;
    // Only people look at it: a KVS that refuses it is no reason for the job to fail.
    await keepWithJob(this.o.event.id, JSON.stringify(withoutSecrets(record.list)), calls).catch(
      (error: unknown) => {
        signal.throwIfAborted();
        say(`${this.f58}: its list of objects is not in the KVS: ${UnetError.from(error).message}`);
      },
    );
    if (this.started === undefined) {
      await startOverride(this.f58, calls);
    }
    say(`${this.f58}: ${record.list.items.length} objects of ${record.template} in ${record.namespace}`);
    const begin = (this.started ?? Date.now() / 1000) * 1000;
    const ending = await attendJob(follower, record, {
      logs: this.request().logs,
      logsSince: again ? await lastOutput(this.o.event.id, calls) : undefined,
      onLine: (line, stream) => this.output.line(line, stream),
      walltimeEnd: record.durationMs === undefined ? undefined : begin + record.durationMs,
      signal,
    });
    say(`${this.f58}: ${describeEnding(ending)}`);
    if (ending.type === 'walltime' && !ending.serving) {
      await this.output.flush();
      await raise(this.f58, 'timeout', 'resource allocation expired', calls);
      return;
    }
    if (ending.type === 'walltime' || ending.failed) {
      this.output.line(describeEnding(ending), 'stderr');
    }
    // First the objects, then the end: who sees the job ended finds nothing of it left.
    await this.output.flush();
    await this.o.limits
      .remove(() => this.remove())
      .catch((error: unknown) => say(`${this.f58}: ${UnetError.from(error).message}`));
    await finishOverride(this.f58, exitCodeOf(ending), calls);
  }

  private async objects(signal: AbortSignal): Promise<JobRecord> {
    const { record, message } = await objectsOf(this.o.session, this.request(), {
      id: this.id,
      f58: this.f58,
      signal,
    });
    if (message !== undefined) {
      this.output.line(message, 'stdout');
    }
    return record;
  }

  private request() {
    return requestOfJob(this.o.event.jobspec, this.f58);
  }

  private async fail(error: UnetError): Promise<void> {
    const { options, say } = this.o;
    say(`${this.f58}: ${error.message}`);
    this.output.line(
      [error.message, error.details.remedy].filter((text) => text !== undefined).join('\n'),
      'stderr',
    );
    await this.output.flush();
    await raise(this.f58, 'kube', `${error.code}: ${error.message}`, options).catch((failed: unknown) =>
      say(`${this.f58}: ${UnetError.from(failed).message}`),
    );
  }

  private async remove(): Promise<void> {
    if (!this.removed) {
      await this.overOutages(() => this.removeOnce(), this.o.signal);
    }
  }

  /** Waits for a cluster that cannot be reached, and does it again then: both making and removing are repeatable. */
  private async overOutages<T>(work: () => Promise<T>, signal: AbortSignal): Promise<T> {
    const deadline = performance.now() + OUTAGE_MS;
    for (let said = false; ; said = true) {
      try {
        return await work();
      } catch (error) {
        if (!isOutage(error) || performance.now() > deadline) {
          throw error;
        }
        if (!said) {
          this.o.say(`${this.f58}: ${UnetError.from(error).message}; waiting for the cluster`);
        }
        await sleep(RETRY_MS, undefined, { signal });
      }
    }
  }

  private async removeOnce(): Promise<void> {
    const { session, cluster, say } = this.o;
    const signal = AbortSignal.timeout(REMOVE_MS);
    const namespace = this.record?.namespace ?? this.namespaceIfReadable(session);
    const known = this.record ?? (namespace && (await readRecord(cluster, this.id, namespace, signal)));
    if (known !== undefined && known !== '') {
      const { remaining } = await removeJob(cluster, known, { signal });
      remaining.forEach(({ kind, name }) => void say(`${this.f58}: not gone yet: ${kind} ${name}`));
      this.removed = remaining.length === 0;
    }
  }

  /** Undefined for a jobspec that is none: then nothing was made of it. */
  private namespaceIfReadable(session: Session): string | undefined {
    try {
      return namespaceOf(session, this.request());
    } catch {
      return undefined;
    }
  }
}

function isOutage(error: unknown): boolean {
  return UnetError.is(error) && error.code === 'UNET_CLUSTER_UNREACHABLE';
}

/** @throws UnetError UNET_JOBSPEC_INVALID */
export function requestOfJob(jobspec: unknown, f58: string): JobRequest {
  return readJobspec(JSON.stringify(jobspec), `jobspec of ${f58}`);
}

/** The job's objects: those that are there from before, else made now. A half that something has left is removed first. */
export async function objectsOf(
  session: Session,
  request: JobRequest,
  { id, f58, signal }: { id: string; f58: string; signal: AbortSignal },
): Promise<{ record: JobRecord; message: string | undefined }> {
  const cluster = session.cluster();
  const known = await readRecord(cluster, id, namespaceOf(session, request), signal);
  if (known?.phase === 'created') {
    return { record: known, message: undefined };
  }
  if (known !== undefined) {
    await removeJob(cluster, known, { signal });
  }
  const { record, message } = await prepareJob(session, request, { id, job: `flux ${f58}`, signal });
  return { record: await createJob(cluster, record, { signal }), message };
}
