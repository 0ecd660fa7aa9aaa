/** What the manager speaks of, alike on Kubernetes and on Nomad. */

export type Signalled = { signal?: AbortSignal | undefined };

/** Every wait ends: after ten minutes unless the caller says otherwise. */
export type WaitOptions = Signalled & {
  /** Milliseconds. */
  timeoutMs?: number | undefined;
};

export type ClusterNode = { id: string; hostname: string; ready: boolean };

/** Amounts as Kubernetes writes them: `500m`, `2`, `64Mi`, `1Gi`. */
export type QuotaSpec = {
  cpu?: string | undefined;
  memory?: string | undefined;
  /** Other resources of a ResourceQuota, as `pods` or `requests.nvidia.com/gpu`. */
  hard?: Readonly<Record<string, string>> | undefined;
  /** The name of the quota; "quota" unless given. */
  name?: string | undefined;
};

export type EnvFrom = { configMap?: string; secret?: string; prefix?: string };
export type Toleration = { key?: string; operator?: 'Exists' | 'Equal'; value?: string; effect?: string };

export type JobSpec = {
  image: string;
  /** What the image runs by its entrypoint, or the whole command line where there is no `entrypoint`. */
  command?: readonly string[] | undefined;
  args?: readonly string[] | undefined;
  /** Instead of the image's entrypoint. */
  entrypoint?: readonly string[] | undefined;
  cpuLimit?: string | undefined;
  memLimit?: string | undefined;
  cpuRequest?: string | undefined;
  memRequest?: string | undefined;
  env?: Readonly<Record<string, string>> | undefined;
  /** Given to the process as JSON in the variable PAYLOAD. */
  payload?: unknown;
  envFrom?: readonly EnvFrom[] | undefined;
  /** Volumes and mounts in the form of the cluster's own API. */
  volumes?: readonly Record<string, unknown>[] | undefined;
  volumeMounts?: readonly Record<string, unknown>[] | undefined;
  labels?: Readonly<Record<string, string>> | undefined;
  annotations?: Readonly<Record<string, string>> | undefined;
  pullSecrets?: readonly string[] | undefined;
  pullPolicy?: 'Always' | 'IfNotPresent' | 'Never' | undefined;
  gpus?: number | undefined;
  nodeSelector?: Readonly<Record<string, string>> | undefined;
  tolerations?: readonly Toleration[] | undefined;
  /** How often a failed execution is tried again; none unless given. */
  backoffLimit?: number | undefined;
  /** Seconds after which a finished job goes by itself. */
  ttlSeconds?: number | undefined;
  parallelism?: number | undefined;
  completions?: number | undefined;
  /** Replaces a job of this name: deletes it, waits until it is gone, and creates. */
  delete?: boolean | undefined;
};

export type Job = {
  id: string;
  namespace: string;
  /** How many executions are pending or running. */
  active: number;
  finished: boolean;
  /** How it ended; undefined while it runs. */
  outcome?: 'Complete' | 'Failed';
  /** Why it failed, in the cluster's words. */
  reason?: string;
  command: readonly string[];
  image: string;
  /** Parsed from the variable PAYLOAD; undefined where there is none, or it is not JSON. */
  payload?: unknown;
  raw: unknown;
};

export type ExecutionStatus = 'pending' | 'running' | 'failed' | 'done';
export type ExecutionEvent = { time: string; type: string; reason: string; message: string };

export type Execution = {
  /** What the manager's methods take: the name of a pod, the id of an allocation. */
  id: string;
  /** The pod's uid, or the allocation's id. */
  internalId: string;
  jobId: string;
  status: ExecutionStatus;
  /** Why it waits or has failed. */
  reason?: string;
  /** Of the first container (or task) that has ended. */
  exitCode?: number;
  node?: string;
  events: readonly ExecutionEvent[];
  raw: unknown;
};

export type WaitingJob = {
  job: Job;
  reason: 'quota' | 'scheduling' | 'starting';
  /** In the cluster's words. */
  message: string;
};

export type LogOptions = Signalled & {
  /** The container or task; the first unless given. */
  container?: string | undefined;
  /** Only so many last lines. */
  tail?: number | undefined;
  /** Only what was written since. Not on Nomad. */
  since?: Date | undefined;
  /** Of the run before the last restart. Not on Nomad. */
  previous?: boolean | undefined;
};

export type DeleteJobOptions = WaitOptions & {
  /** Returns when the job and its executions are gone. */
  wait?: boolean | undefined;
  /** Nomad: also forgets the job. Kubernetes keeps nothing of a deleted job. */
  purge?: boolean | undefined;
};

/** What a cluster of either kind can do. All reject with a ClusterError. */
export type ClusterBackend = {
  createNamespace: (name: string, options: WaitOptions) => Promise<boolean>;
  deleteNamespace: (name: string, options: WaitOptions) => Promise<boolean>;
  getNodes: (options: Signalled) => Promise<ClusterNode[]>;
  defineQuota: (namespace: string, quota: QuotaSpec, options: Signalled) => Promise<void>;
  createJob: (namespace: string, name: string, spec: JobSpec, options: WaitOptions) => Promise<Job>;
  listJobs: (namespace: string, options: Signalled) => Promise<Job[]>;
  getJob: (namespace: string, name: string, options: Signalled) => Promise<Job | null>;
  deleteJob: (namespace: string, name: string, options: DeleteJobOptions) => Promise<boolean>;
  cleanupJobs: (namespace: string, options: WaitOptions) => Promise<string[]>;
  waitForJob: (namespace: string, name: string, options: WaitOptions) => Promise<Job>;
  /** Without a name: of all jobs of the namespace. */
  listExecutions: (namespace: string, name: string | undefined, options: Signalled) => Promise<Execution[]>;
  getExecutionLog: (namespace: string, name: string, id: string, options: LogOptions) => Promise<string>;
  followExecutionLog: (
    namespace: string,
    name: string,
    id: string,
    options: LogOptions,
  ) => AsyncGenerator<string>;
  deleteExecution: (namespace: string, name: string, id: string, options: Signalled) => Promise<boolean>;
  waitForJobExecutionStatus: (
    namespace: string,
    name: string,
    id: string,
    status: ExecutionStatus,
    options: WaitOptions,
  ) => Promise<Execution>;
  waitingJobs: (namespace: string, options: Signalled) => Promise<WaitingJob[]>;
  getScale: (namespace: string, name: string, options: Signalled) => Promise<number>;
  setScale: (namespace: string, name: string, scale: number, options: Signalled) => Promise<void>;
  close: () => Promise<void>;
};
