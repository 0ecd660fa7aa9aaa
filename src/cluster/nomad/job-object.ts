/** Jobs and allocations of Nomad, from and to the manager's own terms. Field names: https://developer.hashicorp.com/nomad/api-docs */
import { ClusterError } from '../errors.ts';
import { defined, parsePayload } from '../kubernetes/job-object.ts';
import type { Execution, ExecutionEvent, ExecutionStatus, Job, JobSpec } from '../types.ts';

export type NomadJob = {
  ID: string;
  Namespace?: string;
  Status?: 'pending' | 'running' | 'dead';
  StatusDescription?: string;
  Stop?: boolean;
  TaskGroups?: NomadGroup[];
  JobModifyIndex?: number;
};
export type NomadGroup = { Name: string; Count: number; Tasks: NomadTask[] };
export type NomadTask = {
  Name: string;
  Driver: string;
  Config: Record<string, unknown>;
  Env?: Record<string, string> | null;
};

export type NomadSummary = {
  Summary?: Record<
    string,
    Partial<Record<'Queued' | 'Complete' | 'Failed' | 'Running' | 'Starting' | 'Lost', number>>
  >;
};

export type NomadAllocation = {
  ID: string;
  JobID: string;
  NodeName?: string;
  ClientStatus: 'pending' | 'running' | 'complete' | 'failed' | 'lost';
  ClientDescription?: string;
  DesiredStatus?: string;
  TaskStates?: Record<
    string,
    { Failed?: boolean; Restarts?: number; Events?: NomadTaskEvent[] | null }
  > | null;
};
type NomadTaskEvent = {
  Type: string;
  Time: number;
  DisplayMessage?: string;
  ExitCode?: number;
  FailsTask?: boolean;
};

export const GROUP = 'main';

/** What Nomad's own jobs cannot say is refused, not dropped. */
const UNSUPPORTED = [
  'envFrom',
  'volumes',
  'volumeMounts',
  'annotations',
  'pullSecrets',
  'tolerations',
  'ttlSeconds',
] as const;

/** @throws ClusterError Invalid, Unsupported */
export function jobObject(
  namespace: string,
  name: string,
  spec: JobSpec,
  {
    driver,
    datacenters,
    region,
  }: { driver: string; datacenters: readonly string[]; region: string | undefined },
) {
  const foreign = UNSUPPORTED.find((key) => spec[key] !== undefined);
  if (foreign !== undefined)
    throw new ClusterError('Unsupported', `job "${name}": ${foreign} means nothing on Nomad`);
  if (!spec.image && /docker|podman/.test(driver))
    throw new ClusterError('Invalid', `job "${name}": image is missing`);
  return defined({
    ID: name,
    Name: name,
    Namespace: namespace,
    Region: region,
    Type: 'batch',
    Datacenters: [...datacenters],
    Meta: spec.labels,
    Constraints: Object.entries(spec.nodeSelector ?? {}).map(([key, value]) => ({
      LTarget: `\${${key.includes('.') ? key : `meta.${key}`}}`,
      Operand: '=',
      RTarget: value,
    })),
    TaskGroups: [
      {
        Name: GROUP,
        Count: spec.completions ?? spec.parallelism ?? 1,
        RestartPolicy: { Attempts: spec.backoffLimit ?? 0, Interval: 24 * 3600e9, Delay: 1e9, Mode: 'fail' },
        ReschedulePolicy: { Attempts: 0, Unlimited: false, Interval: 0 },
        Tasks: [
          defined({
            Name: name,
            Driver: driver,
            Config: driverConfig(driver, spec),
            Env: {
              ...spec.env,
              ...(spec.payload !== undefined && { PAYLOAD: JSON.stringify(spec.payload) }),
            },
            Resources: resources(name, spec),
          }),
        ],
      },
    ],
  });
}

function driverConfig(
  driver: string,
  { image, entrypoint, command, args, pullPolicy }: JobSpec,
): Record<string, unknown> {
  const words = [...(entrypoint ?? []), ...(command ?? []), ...(args ?? [])];
  const [first, ...rest] = words;
  if (!/docker|podman/.test(driver)) return { command: first ?? '', args: rest };
  const own = entrypoint === undefined ? words : [...(command ?? []), ...(args ?? [])];
  return defined({
    image,
    entrypoint: entrypoint === undefined ? undefined : [...entrypoint],
    command: own[0],
    args: own.length > 1 ? own.slice(1) : undefined,
    force_pull: pullPolicy === 'Always' ? true : undefined,
  });
}

/** Nomad counts MHz and MiB, and has one number for each: a core is taken for 1000 MHz. */
function resources(name: string, { cpuLimit, cpuRequest, memLimit, memRequest, gpus }: JobSpec) {
  const cpu = amount(name, cpuLimit ?? cpuRequest, (value) => value * 1000);
  const memory = amount(name, memLimit ?? memRequest, (value) => value / 2 ** 20);
  return defined({
    CPU: cpu,
    MemoryMB: memory,
    Devices: gpus === undefined || gpus === 0 ? undefined : [{ Name: 'nvidia/gpu', Count: gpus }],
  });
}

const FACTORS: Readonly<Record<string, number>> = {
  m: 1e-3,
  '': 1,
  k: 1e3,
  M: 1e6,
  G: 1e9,
  T: 1e12,
  Ki: 2 ** 10,
  Mi: 2 ** 20,
  Gi: 2 ** 30,
  Ti: 2 ** 40,
};

function amount(
  name: string,
  text: string | undefined,
  convert: (value: number) => number,
): number | undefined {
  if (text === undefined) return undefined;
  const [, number, unit = ''] = /^(\d+(?:\.\d+)?)([a-zA-Z]{0,2})$/.exec(text) ?? [];
  const factor = FACTORS[unit];
  if (number === undefined || factor === undefined) {
    throw new ClusterError('Invalid', `job "${name}": "${text}" is no amount such as 500m, 2, 64Mi or 1Gi`);
  }
  return Math.max(1, Math.ceil(convert(Number(number) * factor)));
}

export function readJob(job: NomadJob, { Summary: summary = {} }: NomadSummary): Job {
  const groups = Object.values(summary);
  const sum = (key: 'Failed' | 'Lost' | 'Running' | 'Starting' | 'Queued') =>
    groups.reduce((total, group) => total + (group[key] ?? 0), 0);
  const task = job.TaskGroups?.[0]?.Tasks?.[0];
  const config = task?.Config ?? {};
  const words = (value: unknown) => (Array.isArray(value) ? value.map(String) : []);
  const failed = sum('Failed') + sum('Lost');
  const finished = job.Status === 'dead';
  const payload = parsePayload(task?.Env?.PAYLOAD);
  const stopped = job.Stop === true;
  return {
    id: job.ID,
    namespace: job.Namespace ?? 'default',
    active: sum('Running') + sum('Starting'),
    finished,
    ...(finished && { outcome: failed > 0 || stopped ? ('Failed' as const) : ('Complete' as const) }),
    ...(finished && failed > 0 && { reason: `${failed} executions failed` }),
    ...(finished && failed === 0 && stopped && { reason: 'the job was stopped' }),
    command: [
      ...words(config.entrypoint),
      ...(config.command ? [String(config.command)] : []),
      ...words(config.args),
    ],
    image: String(config.image ?? ''),
    ...(payload !== undefined && { payload }),
    raw: job,
  };
}

export function readExecution(allocation: NomadAllocation): Execution {
  const states = Object.values(allocation.TaskStates ?? {});
  const told = states.flatMap(({ Events: events }) => events ?? []);
  const ended = told.findLast(({ Type: type }) => type === 'Terminated');
  const failing = told.findLast(
    ({ FailsTask: fails, Type: type }) => fails === true || type === 'Driver Failure',
  );
  const status = STATUSES[allocation.ClientStatus];
  const reason = failing?.DisplayMessage ?? (status === 'failed' ? ended?.DisplayMessage : undefined);
  return {
    id: allocation.ID,
    internalId: allocation.ID,
    jobId: allocation.JobID,
    status,
    ...(reason !== undefined && { reason }),
    ...(ended?.ExitCode !== undefined && { exitCode: ended.ExitCode }),
    ...(allocation.NodeName && { node: allocation.NodeName }),
    events: told.map(readEvent),
    raw: allocation,
  };
}

const STATUSES: Record<NomadAllocation['ClientStatus'], ExecutionStatus> = {
  pending: 'pending',
  running: 'running',
  complete: 'done',
  failed: 'failed',
  lost: 'failed',
};

function readEvent({
  Type: reason,
  Time: time,
  DisplayMessage: message = '',
  FailsTask: fails,
}: NomadTaskEvent): ExecutionEvent {
  return { time: new Date(time / 1e6).toISOString(), type: fails ? 'Warning' : 'Normal', reason, message };
}
