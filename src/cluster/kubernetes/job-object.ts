/** Jobs and pods of Kubernetes, from and to the manager's own terms. */
import { ClusterError } from '../errors.ts';
import type { Execution, ExecutionEvent, ExecutionStatus, Job, JobSpec } from '../types.ts';
import type { KubernetesObject, NewKubernetesObject } from './objects.ts';

/** What a Job says, as far as the manager reads it. */
type JobShape = KubernetesObject & {
  spec?: {
    suspend?: boolean;
    parallelism?: number;
    template?: { spec?: { containers?: ContainerShape[] } };
  };
  status?: { active?: number; conditions?: ConditionShape[] };
};
type ContainerShape = {
  image?: string;
  command?: string[];
  args?: string[];
  env?: { name: string; value?: string }[];
};
type ConditionShape = { type: string; status: string; reason?: string; message?: string };
type ContainerStatusShape = {
  name: string;
  state?: {
    running?: object;
    waiting?: { reason?: string; message?: string };
    terminated?: { exitCode: number; reason?: string };
  };
  restartCount?: number;
};
type PodShape = KubernetesObject & {
  spec?: { nodeName?: string; containers?: { name: string }[]; restartPolicy?: string };
  status?: {
    phase?: string;
    reason?: string;
    message?: string;
    conditions?: ConditionShape[];
    containerStatuses?: ContainerStatusShape[];
  };
};

/** @throws ClusterError Invalid for what cannot be meant */
export function jobObject(namespace: string, name: string, spec: JobSpec): NewKubernetesObject {
  if (!spec.image) throw new ClusterError('Invalid', `job "${name}": image is missing`);
  const env = { ...spec.env, ...(spec.payload !== undefined && { PAYLOAD: JSON.stringify(spec.payload) }) };
  const limits = defined({
    cpu: spec.cpuLimit,
    memory: spec.memLimit,
    'nvidia.com/gpu': spec.gpus?.toString(),
  });
  const requests = defined({ cpu: spec.cpuRequest, memory: spec.memRequest });
  const { command, args } = commandLine(spec);
  return {
    apiVersion: 'batch/v1',
    kind: 'Job',
    metadata: defined({ name, namespace, labels: spec.labels, annotations: spec.annotations }),
    spec: defined({
      backoffLimit: spec.backoffLimit ?? 0,
      ttlSecondsAfterFinished: spec.ttlSeconds,
      parallelism: spec.parallelism,
      completions: spec.completions,
      template: {
        metadata: defined({ labels: spec.labels, annotations: spec.annotations }),
        spec: defined({
          restartPolicy: 'Never',
          nodeSelector: spec.nodeSelector,
          tolerations: spec.tolerations,
          imagePullSecrets: spec.pullSecrets?.map((secret) => ({ name: secret })),
          volumes: spec.volumes,
          containers: [
            defined({
              name,
              image: spec.image,
              command,
              args,
              imagePullPolicy: spec.pullPolicy,
              env: Object.entries(env).map(([key, value]) => ({ name: key, value: String(value) })),
              envFrom: spec.envFrom?.map(({ configMap, secret, prefix }) =>
                defined({
                  prefix,
                  configMapRef: configMap === undefined ? undefined : { name: configMap },
                  secretRef: secret === undefined ? undefined : { name: secret },
                }),
              ),
              resources: { limits, requests },
              volumeMounts: spec.volumeMounts,
            }),
          ],
        }),
      },
    }),
  };
}

/** An entrypoint and a command are Docker's: the one is run with the other as its arguments. */
export function commandLine({ entrypoint, command, args }: JobSpec): { command?: string[]; args?: string[] } {
  const first = entrypoint ?? command;
  const rest = [...(entrypoint === undefined ? [] : (command ?? [])), ...(args ?? [])];
  return { ...(first && { command: [...first] }), ...(rest.length > 0 && { args: rest }) };
}

export function readJob(object: KubernetesObject): Job {
  const { metadata, spec, status = {} } = object as JobShape;
  const [container = {}] = spec?.template?.spec?.containers ?? [];
  const ended = (status.conditions ?? []).find(
    ({ type, status: met }) => met === 'True' && (type === 'Complete' || type === 'Failed'),
  );
  const payload = parsePayload(container.env?.find(({ name }) => name === 'PAYLOAD')?.value);
  return {
    id: metadata.name,
    namespace: metadata.namespace ?? 'default',
    active: status.active ?? 0,
    finished: ended !== undefined,
    ...(ended && { outcome: ended.type as 'Complete' | 'Failed' }),
    ...(ended?.type === 'Failed' && { reason: ended.message ?? ended.reason ?? '' }),
    command: [...(container.command ?? []), ...(container.args ?? [])],
    image: container.image ?? '',
    ...(payload !== undefined && { payload }),
    raw: object,
  };
}

export function parsePayload(text: string | undefined): unknown {
  try {
    return text === undefined ? undefined : JSON.parse(text);
  } catch {
    return undefined;
  }
}

export function readExecution(object: KubernetesObject, events: readonly ExecutionEvent[] = []): Execution {
  const { metadata, spec, status = {} } = object as PodShape;
  const states = (status.containerStatuses ?? []).map(({ state }) => state ?? {});
  const ended = states.find(({ terminated }) => terminated !== undefined)?.terminated;
  const waiting = states.find(
    ({ waiting: each }) => each?.reason !== undefined && each.reason !== 'ContainerCreating',
  )?.waiting;
  const unscheduled = status.conditions?.find(
    ({ type, status: met }) => type === 'PodScheduled' && met === 'False',
  );
  const reason =
    waiting?.message ??
    waiting?.reason ??
    unscheduled?.message ??
    status.message ??
    status.reason ??
    (ended?.exitCode === 0 ? undefined : ended?.reason);
  return {
    id: metadata.name,
    internalId: metadata.uid ?? '',
    jobId: jobOf(object),
    status: executionStatus(status.phase),
    ...(reason !== undefined && { reason }),
    ...(ended && { exitCode: ended.exitCode }),
    ...(spec?.nodeName && { node: spec.nodeName }),
    events,
    raw: object,
  };
}

/** The first container of a pod, whose log is meant unless another is named. */
export function firstContainer(object: KubernetesObject): string | undefined {
  return (object as PodShape).spec?.containers?.[0]?.name;
}

export function isUnscheduled(object: KubernetesObject): boolean {
  return !(object as PodShape).spec?.nodeName;
}

export function parallelismOf(object: KubernetesObject): number {
  return (object as JobShape).spec?.parallelism ?? 1;
}

/** The run of a container, the first one unless another is named: which time it is, and whether it goes on. */
export function runOf(
  object: KubernetesObject,
  named: string | undefined,
): { container: string; restarts: number; running: boolean } {
  const container = named ?? firstContainer(object) ?? '';
  const statuses = (object as PodShape).status?.containerStatuses ?? [];
  const status = statuses.find(({ name }) => name === container);
  return { container, restarts: status?.restartCount ?? 0, running: status?.state?.running !== undefined };
}

function jobOf({ metadata }: KubernetesObject): string {
  const owner = metadata.ownerReferences?.find(({ kind }) => kind === 'Job');
  return owner?.name ?? metadata.labels?.['job-name'] ?? '';
}

function executionStatus(phase = 'Pending'): ExecutionStatus {
  const known: Record<string, ExecutionStatus> = { Running: 'running', Succeeded: 'done', Failed: 'failed' };
  return known[phase] ?? 'pending';
}

/** Without the fields that are not set. */
export function defined<T extends object>(value: T): { [K in keyof T]: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(value).filter(([, field]) => field !== undefined)) as {
    [K in keyof T]: Exclude<T[K], undefined>;
  };
}
