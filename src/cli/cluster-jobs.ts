/** `unet cluster job …`. */
import type { Execution, Job } from '../cluster/index.ts';
import { EXIT, UnetError } from '../errors.ts';
import type { Action, ActionModule } from './cluster.ts';
import { pairs } from './cluster-pairs.ts';

export const jobActions: Readonly<Record<string, ActionModule>> = {
  run: { usage: 'NS NAME IMAGE', run: runJob },
  ls: { usage: 'NS', run: list },
  get: { usage: 'NS NAME', run: get },
  logs: { usage: 'NS NAME', run: logs },
  wait: { usage: 'NS NAME', run: wait },
  rm: { usage: 'NS NAME', run: remove },
  cleanup: { usage: 'NS', run: cleanup },
};

async function runJob(action: Action): Promise<number> {
  const { manager, words, timeoutMs, show, context } = action;
  const [namespace = '', name = '', image = ''] = words;
  const { args, rest, signal } = context;
  const job = await manager.createJob(
    namespace,
    name,
    {
      image,
      ...(rest.length > 0 && { command: rest }),
      cpuLimit: args.cpu,
      memLimit: args.memory,
      env: pairs('--env', args.env),
      labels: args.label === undefined ? undefined : pairs('--label', args.label),
      backoffLimit: args.backoff,
      delete: args.replace,
    },
    { timeoutMs, signal },
  );
  if (args.follow !== true) {
    show(job, `job ${name} created in ${namespace}`);
    return EXIT.done;
  }
  return await followJob(action, namespace, name);
}

/** The log of the job's execution on stdout; then its end. */
async function followJob(action: Action, namespace: string, name: string): Promise<number> {
  const { manager, timeoutMs, context } = action;
  const { signal, out, json, outputClosed } = context;
  const ended = new AbortController();
  const ending = manager.waitForJob(namespace, name, { timeoutMs, signal }).finally(() => ended.abort());
  ending.catch(() => {});
  const execution = await firstExecution(action, namespace, name, ended.signal);
  if (execution !== undefined) {
    const reading = AbortSignal.any([signal, outputClosed]);
    for await (const line of manager.followExecutionLog(namespace, name, execution.id, { signal: reading })) {
      out(json ? JSON.stringify({ line }) : line);
    }
  }
  return conclude(action, await ending);
}

/** Half a second between two looks: only until the cluster has made one. */
const LOOK_MS = 500;

async function firstExecution(
  { manager, context: { signal } }: Action,
  namespace: string,
  name: string,
  ended: AbortSignal,
): Promise<Execution | undefined> {
  for (;;) {
    const [execution] = await manager.listJobExecutions(namespace, name, { signal });
    if (execution !== undefined || ended.aborted) {
      return execution;
    }
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, LOOK_MS);
      ended.addEventListener('abort', () => resolve(), { once: true });
      ended.addEventListener('abort', () => clearTimeout(timer), { once: true });
    });
    signal.throwIfAborted();
  }
}

async function list({
  manager,
  words: [namespace = ''],
  table,
  context: { signal },
}: Action): Promise<number> {
  const [jobs, waiting] = await Promise.all([
    manager.listJobs(namespace, { signal }),
    manager.waitingJobs(namespace, { signal }),
  ]);
  const reasons = new Map(waiting.map(({ job, reason, message }) => [job.id, `${reason}: ${message}`]));
  table(
    jobs.map(({ raw: _, ...job }) => ({
      ...job,
      ...(reasons.has(job.id) && { waiting: reasons.get(job.id) }),
    })),
    {
      job: ({ id }: Job) => id,
      state: (job: Job) => stateOf(job, reasons.get(job.id)),
      active: ({ active }: Job) => active,
      image: ({ image }: Job) => image,
    },
  );
  return EXIT.done;
}

function stateOf({ outcome, active }: Job, waiting: string | undefined): string {
  return (
    outcome ??
    (waiting === undefined ? (active > 0 ? 'running' : 'starting') : `waiting (${waiting.slice(0, 60)})`)
  );
}

async function get({ manager, words, show, context: { signal } }: Action): Promise<number> {
  const [namespace = '', name = ''] = words;
  const job = await manager.getJob(namespace, name, { signal });
  if (job === null) {
    throw missing(namespace, name);
  }
  const executions = await manager.listJobExecutions(namespace, name, { signal });
  const lines = executions.map(({ id, status, exitCode, reason }) =>
    [`  ${id}`, status, exitCode === undefined ? '' : `exit ${exitCode}`, reason ?? '']
      .filter(Boolean)
      .join('  '),
  );
  show({ ...job, executions }, [`${name}: ${stateOf(job, undefined)}`, ...lines].join('\n'));
  return EXIT.done;
}

async function logs({ manager, words, context }: Action): Promise<number> {
  const [namespace = '', name = ''] = words;
  const { args, signal, out, outputClosed, stdout } = context;
  const executions = await manager.listJobExecutions(namespace, name, { signal });
  const execution = executions.at(-1);
  if (execution === undefined) {
    throw missing(namespace, name, 'no execution of job');
  }
  const options = { signal: AbortSignal.any([signal, outputClosed]), tail: args.tail };
  if (args.follow === true) {
    for await (const line of manager.followExecutionLog(namespace, name, execution.id, options)) {
      out(line);
    }
  } else {
    stdout.write(await manager.getExecutionLog(namespace, name, execution.id, options));
  }
  return EXIT.done;
}

async function wait(action: Action): Promise<number> {
  const [namespace = '', name = ''] = action.words;
  const { manager, timeoutMs, context } = action;
  return conclude(
    action,
    await manager.waitForJob(namespace, name, { timeoutMs, signal: context.signal }),
    true,
  );
}

function conclude({ show, context: { say } }: Action, job: Job, asked = false): number {
  const { raw: _, ...shown } = job;
  const text = `job ${job.id}: ${job.outcome}${job.reason === undefined ? '' : ` (${job.reason})`}`;
  if (asked) {
    show(shown, text);
  } else {
    say(text);
  }
  return job.outcome === 'Complete' ? EXIT.done : EXIT.failed;
}

async function remove({ manager, words, timeoutMs, show, context: { signal } }: Action): Promise<number> {
  const [namespace = '', name = ''] = words;
  const deleted = await manager.deleteJob(namespace, name, { wait: true, timeoutMs, signal });
  show({ job: name, deleted }, `job ${name} ${deleted ? 'deleted' : 'was not there'}`);
  return EXIT.done;
}

async function cleanup({
  manager,
  words: [namespace = ''],
  timeoutMs,
  show,
  context: { signal },
}: Action): Promise<number> {
  const left = await manager.cleanupJobs(namespace, { timeoutMs, signal });
  show(
    { namespace, left },
    left.length === 0 ? `no jobs in ${namespace}` : `still there: ${left.join(', ')}`,
  );
  return left.length === 0 ? EXIT.done : EXIT.timeout;
}

function missing(namespace: string, name: string, what = 'no job'): UnetError {
  return new UnetError('UNET_CLUSTER_NOT_FOUND', `there is ${what} "${name}" in ${namespace}`, {
    remedy: `list them with: unet cluster job ls ${namespace}`,
  });
}
