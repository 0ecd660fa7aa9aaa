/** The manager over Nomad. Waits are Nomad's own blocking queries: the agent answers when something has changed. */
import { setTimeout as sleep } from 'node:timers/promises';
import { withDeadline } from '../deadline.ts';
import { ClusterError, orNull } from '../errors.ts';
import type { HttpRequest, Query } from '../http.ts';
import { reached } from '../kubernetes/backend.ts';
import { splitLines } from '../lines.ts';
import type { ClusterBackend, Execution, Job, LogOptions, Signalled, WaitingJob } from '../types.ts';
import type { NomadContext } from './connect.ts';
import {
  GROUP,
  jobObject,
  type NomadAllocation,
  type NomadJob,
  type NomadSummary,
  readExecution,
  readJob,
} from './job-object.ts';

/** How long one blocking query waits; the agent adds a sixteenth. */
const BLOCK_SECONDS = 30;

/** How long a log may be silent; a day, as the caller's signal ends it earlier. */
const FOLLOW_MS = 24 * 3600_000;

export function createNomadBackend(context: NomadContext): ClusterBackend {
  const { http, region } = context;
  const send = <T>(request: Omit<HttpRequest, 'query'> & { query?: Query }): Promise<T> =>
    http.send({ ...request, query: { region, ...request.query } }) as Promise<T>;
  const get = <T>(path: string, namespace: string, what: string, signal?: AbortSignal, query: Query = {}) =>
    send<T>({ method: 'GET', path, query: { namespace, ...query }, what, signal });
  const jobPath = (name: string) => `/v1/job/${encodeURIComponent(name)}`;

  const getJob = async (namespace: string, name: string, { signal }: Signalled): Promise<Job | null> => {
    const job = await orNull(get<NomadJob>(jobPath(name), namespace, `get job ${name}`, signal));
    if (job === null) return null;
    const summary = await orNull(
      get<NomadSummary>(`${jobPath(name)}/summary`, namespace, `get job ${name}`, signal),
    );
    return readJob(job, summary ?? {});
  };
  const requireJob = async (namespace: string, name: string, options: Signalled): Promise<Job> => {
    const job = await getJob(namespace, name, options);
    if (job === null) throw new ClusterError('NotFound', `there is no job "${name}" in ${namespace}`);
    return job;
  };
  const allocation = (namespace: string, id: string, signal?: AbortSignal) =>
    get<NomadAllocation>(
      `/v1/allocation/${encodeURIComponent(id)}`,
      namespace,
      `get allocation ${id}`,
      signal,
    );

  /** Asks again each time that the answer changes. */
  async function until<T>(
    path: string,
    namespace: string,
    what: string,
    signal: AbortSignal,
    look: () => Promise<T | undefined>,
  ): Promise<T> {
    let index = '0';
    for (;;) {
      const found = await look();
      if (found !== undefined) return found;
      const response = await http.stream({
        method: 'GET',
        path,
        query: { region, namespace, index, wait: `${BLOCK_SECONDS}s` },
        what,
        signal,
        timeoutMs: (BLOCK_SECONDS + 15) * 1000,
      });
      response.resume();
      const next = String(response.headers['x-nomad-index'] ?? '0');
      // An agent that starts anew counts anew; one that does not count is not asked without end.
      if (next === index || next === '0') await sleep(1000, undefined, { signal });
      index = Number(next) < Number(index) ? '0' : next;
    }
  }

  const backend: ClusterBackend = {
    createNamespace: async (name, { signal }) => {
      const found = await orNull(
        get(`/v1/namespace/${encodeURIComponent(name)}`, name, `get namespace ${name}`, signal),
      );
      if (found !== null) return false;
      await send({
        method: 'PUT',
        path: '/v1/namespace',
        body: { Name: name },
        what: `create namespace ${name}`,
        signal,
      });
      return true;
    },

    deleteNamespace: (name, options) =>
      withDeadline(`delete namespace ${name}`, options, async (signal) => {
        const path = `/v1/namespace/${encodeURIComponent(name)}`;
        if ((await orNull(get(path, name, `get namespace ${name}`, signal))) === null) return false;
        await backend.cleanupJobs(name, { signal });
        // A namespace with jobs that are not yet forgotten is refused: 500, "has non-terminal jobs".
        for (let pauseMs = 100; ; pauseMs = Math.min(pauseMs * 2, 2000)) {
          try {
            await send({ method: 'DELETE', path, what: `delete namespace ${name}`, signal });
            return true;
          } catch (error) {
            if (!ClusterError.isCluster(error) || !/non-terminal jobs/.test(error.message)) throw error;
            await sleep(pauseMs, undefined, { signal });
          }
        }
      }),

    getNodes: async ({ signal }) => {
      type Node = { ID: string; Name: string; Status: string; SchedulingEligibility?: string };
      const nodes = await send<Node[]>({ method: 'GET', path: '/v1/nodes', what: 'list nodes', signal });
      return nodes.map(({ ID: id, Name: hostname, Status: status }) => ({
        id,
        hostname,
        ready: status === 'ready',
      }));
    },

    defineQuota: async () => {
      throw new ClusterError(
        'Unsupported',
        'quotas are a part of Nomad Enterprise, which unet does not speak',
        {
          remedy: 'limit each job with cpuLimit and memLimit',
        },
      );
    },

    createJob: async (namespace, name, spec, options) => {
      const job = jobObject(namespace, name, spec, context);
      if (spec.delete === true)
        await backend.deleteJob(namespace, name, { ...options, wait: true, purge: true });
      // A job that was stopped is still known: it may be registered anew, but not by accident.
      const body = { Job: job, EnforceIndex: true, JobModifyIndex: 0 };
      await send({
        method: 'POST',
        path: '/v1/jobs',
        query: { namespace },
        body,
        what: `create job ${name}`,
        signal: options.signal,
      }).catch((error: unknown) => {
        if (ClusterError.isCluster(error) && /Enforcing job modify index/i.test(error.message)) {
          throw new ClusterError(
            'AlreadyExists',
            `create job ${name}: job "${name}" already exists in ${namespace}`,
            {
              status: 409,
              cause: error,
            },
          );
        }
        throw error;
      });
      return await requireJob(namespace, name, options);
    },

    listJobs: async (namespace, { signal }) => {
      type Stub = { ID: string; JobSummary?: NomadSummary };
      const stubs = await get<Stub[]>('/v1/jobs', namespace, `list jobs of ${namespace}`, signal);
      const jobs = await Promise.all(stubs.map(({ ID: id }) => getJob(namespace, id, { signal })));
      return jobs.filter((job) => job !== null);
    },

    getJob,

    deleteJob: async (namespace, name, { wait, purge = true, ...options }) => {
      if ((await getJob(namespace, name, options)) === null) return false;
      await send({
        method: 'DELETE',
        path: jobPath(name),
        query: { namespace, purge },
        what: `delete job ${name}`,
        signal: options.signal,
      });
      if (wait) {
        await withDeadline(`delete job ${name}`, options, (signal) =>
          until(`${jobPath(name)}/allocations`, namespace, `delete job ${name}`, signal, async () => {
            const left = await allocationsOf(namespace, name, { signal });
            return left.some(({ ClientStatus: status }) => status === 'running' || status === 'pending')
              ? undefined
              : true;
          }),
        );
      }
      return true;
    },

    cleanupJobs: async (namespace, options) => {
      type Stub = { ID: string };
      const stubs = await get<Stub[]>('/v1/jobs', namespace, `list jobs of ${namespace}`, options.signal);
      const left: string[] = [];
      await Promise.all(
        stubs.map(async ({ ID: id }) => {
          try {
            await backend.deleteJob(namespace, id, { ...options, wait: true, purge: true });
          } catch (error) {
            if (!ClusterError.isCluster(error, 'Timeout')) throw error;
            left.push(id);
          }
        }),
      );
      return left;
    },

    waitForJob: (namespace, name, options) =>
      withDeadline(`job ${name} in ${namespace} to end`, options, (signal) =>
        until(jobPath(name), namespace, `wait for job ${name}`, signal, async () => {
          const job = await requireJob(namespace, name, { signal });
          return job.finished ? job : undefined;
        }),
      ),

    listExecutions: async (namespace, name, options) => {
      if (name !== undefined) return (await allocationsOf(namespace, name, options)).map(readExecution);
      const all = await get<NomadAllocation[]>(
        '/v1/allocations',
        namespace,
        `list allocations of ${namespace}`,
        options.signal,
      );
      return all.map(readExecution);
    },

    getExecutionLog: async (namespace, _name, id, options) => {
      const chunks: string[] = [];
      for await (const line of logLines(namespace, id, options)) chunks.push(`${line}\n`);
      return options.tail === undefined ? chunks.join('') : chunks.slice(-options.tail).join('');
    },

    followExecutionLog: (namespace, _name, id, options) => followLog(namespace, id, options),

    deleteExecution: async (namespace, _name, id, { signal }) => {
      const path = `/v1/allocation/${encodeURIComponent(id)}/stop`;
      const what = `stop allocation ${id}`;
      return (
        (await orNull(
          send({ method: 'POST', path, query: { namespace }, what, signal, repeatable: true }),
        )) !== null
      );
    },

    waitForJobExecutionStatus: (namespace, _name, id, status, options) => {
      let last: Execution | undefined;
      return withDeadline(
        `execution ${id} to be ${status}`,
        options,
        (signal) =>
          until(`/v1/allocation/${encodeURIComponent(id)}`, namespace, `wait for ${id}`, signal, async () => {
            last = readExecution(await allocation(namespace, id, signal));
            return reached(last, status) ? last : undefined;
          }),
        () => last?.status ?? '',
      );
    },

    waitingJobs: async (namespace, options) => {
      const jobs = (await backend.listJobs(namespace, options)).filter(
        ({ finished, active }) => !finished && active === 0,
      );
      const told = await Promise.all(jobs.map((job) => whyWaiting(namespace, job, options)));
      return told.filter((each) => each !== undefined);
    },

    getScale: async (namespace, name, options) =>
      countOf((await requireJob(namespace, name, options)).raw as NomadJob),

    setScale: async (namespace, name, scale, { signal }) => {
      await send({
        method: 'POST',
        path: `${jobPath(name)}/scale`,
        query: { namespace },
        body: { Count: scale, Target: { Group: GROUP }, Message: 'scaled by unet' },
        what: `scale job ${name}`,
        signal,
        repeatable: true,
      });
    },

    close: async () => {},
  };

  async function allocationsOf(
    namespace: string,
    name: string,
    { signal }: Signalled,
  ): Promise<NomadAllocation[]> {
    return await get<NomadAllocation[]>(
      `${jobPath(name)}/allocations`,
      namespace,
      `list executions of ${name}`,
      signal,
    );
  }

  async function whyWaiting(
    namespace: string,
    job: Job,
    { signal }: Signalled,
  ): Promise<WaitingJob | undefined> {
    type Evaluation = {
      Status: string;
      CreateIndex: number;
      FailedTGAllocs?: Record<
        string,
        { DimensionExhausted?: Record<string, number>; ConstraintFiltered?: Record<string, number> }
      > | null;
    };
    const evaluations = await get<Evaluation[]>(
      `${jobPath(job.id)}/evaluations`,
      namespace,
      `look at job ${job.id}`,
      signal,
    );
    const failed = evaluations.flatMap(({ FailedTGAllocs: groups }) => Object.values(groups ?? {}));
    const [first] = failed;
    if (first === undefined) return { job, reason: 'starting', message: 'it has not been placed yet' };
    const dimensions = Object.keys(first.DimensionExhausted ?? {});
    const constraints = Object.keys(first.ConstraintFiltered ?? {});
    const message = [
      ...dimensions.map((dimension) => `no node has enough ${dimension}`),
      ...constraints.map((constraint) => `no node satisfies ${constraint}`),
    ].join(', ');
    return { job, reason: 'scheduling', message: message || 'no node can run it' };
  }

  async function* followLog(namespace: string, id: string, options: LogOptions): AsyncGenerator<string> {
    const stop = new AbortController();
    const signal =
      options.signal === undefined ? stop.signal : AbortSignal.any([options.signal, stop.signal]);
    const path = `/v1/allocation/${encodeURIComponent(id)}`;
    const when = (wanted: (status: Execution['status']) => boolean) =>
      until(path, namespace, `follow the log of ${id}`, signal, async () =>
        wanted(readExecution(await allocation(namespace, id, signal)).status) ? true : undefined,
      );
    try {
      await when((status) => status !== 'pending');
      // Nomad never ends a log that is followed: the end of the allocation does.
      const over = new AbortController();
      const ending = when((status) => status === 'done' || status === 'failed').then(() => over.abort());
      ending.catch((error: unknown) => over.abort(error));
      yield* logLines(namespace, id, { ...options, signal }, over.signal);
      await ending;
    } finally {
      stop.abort();
    }
  }

  /** Standard output, then standard error; both as they come, where they are followed until `over`. */
  async function* logLines(
    namespace: string,
    id: string,
    options: LogOptions,
    over?: AbortSignal,
  ): AsyncGenerator<string> {
    if (options.previous || options.since) {
      throw new ClusterError(
        'Unsupported',
        'Nomad keeps no times and no earlier runs in its logs: previous and since mean nothing there',
      );
    }
    const { signal } = options;
    const task = options.container ?? (await firstTask(namespace, id, signal));
    const open = (type: string, offset: number, follow: boolean, until: AbortSignal | undefined) =>
      orNull(
        http.stream({
          method: 'GET',
          path: `/v1/client/fs/logs/${encodeURIComponent(id)}`,
          query: { region, namespace, task, type, plain: true, follow, offset, origin: 'start' },
          accept: '*/*',
          what: `read the log of ${id}`,
          signal: until,
          // Nomad sends the head of its answer with the first byte of the log.
          ...(follow && { timeoutMs: FOLLOW_MS }),
        }),
      );
    async function* bytes(type: string): AsyncGenerator<Buffer> {
      let offset = 0;
      try {
        const stream = over && (await open(type, 0, true, AbortSignal.any(signal ? [signal, over] : [over])));
        for await (const chunk of stream ?? []) {
          offset += (chunk as Buffer).length;
          yield chunk as Buffer;
        }
      } catch (error) {
        signal?.throwIfAborted();
        if (!over?.aborted) throw error;
      }
      const rest = await open(type, offset, false, signal);
      for await (const chunk of rest ?? []) yield chunk as Buffer;
    }
    const sources = [splitLines(bytes('stdout')), splitLines(bytes('stderr'))];
    if (over !== undefined) yield* merged(sources);
    else for (const source of sources) yield* source;
  }

  async function firstTask(namespace: string, id: string, signal: AbortSignal | undefined): Promise<string> {
    const found = await allocation(namespace, id, signal);
    const [task] = Object.keys(found.TaskStates ?? {});
    return task ?? found.JobID;
  }

  return backend;
}

function countOf(job: NomadJob): number {
  return job.TaskGroups?.[0]?.Count ?? 0;
}

/** Lines of several sources, in the order in which they come, until all have ended. */
async function* merged(sources: readonly AsyncGenerator<string>[]): AsyncGenerator<string> {
  const waiting = new Map(sources.map((source) => [source, next(source)]));
  while (waiting.size > 0) {
    const { source, result } = await Promise.race(waiting.values());
    if (result.done) {
      waiting.delete(source);
    } else {
      waiting.set(source, next(source));
      yield result.value;
    }
  }
}

async function next(source: AsyncGenerator<string>) {
  return { source, result: await source.next() };
}
