/** One manager for clusters of either kind. */
import { ClusterError } from './errors.ts';
import { createKubernetesBackend } from './kubernetes/backend.ts';
import type { KubernetesContext } from './kubernetes/connect.ts';
import { createWorkloads, type Workloads } from './kubernetes/workloads.ts';
import { createNomadBackend } from './nomad/backend.ts';
import type { NomadContext } from './nomad/connect.ts';
import type {
  ClusterBackend,
  ClusterNode,
  DeleteJobOptions,
  Execution,
  ExecutionStatus,
  Job,
  JobSpec,
  LogOptions,
  QuotaSpec,
  Signalled,
  WaitingJob,
  WaitOptions,
} from './types.ts';

/**
 * Namespaces, jobs and their executions on Kubernetes and on Nomad; the rest of Kubernetes by `kubernetes`. Everything rejects with a
 * ClusterError whose `reason` says what went wrong; getting what is not there gives null.
 */
export class ClusterManager {
  readonly context: KubernetesContext | NomadContext;
  readonly #backend: ClusterBackend;
  readonly #workloads: Workloads | undefined;

  constructor(context: KubernetesContext | NomadContext) {
    this.context = context;
    this.#backend =
      context.kind === 'kubernetes' ? createKubernetesBackend(context) : createNomadBackend(context);
    this.#workloads = context.kind === 'kubernetes' ? createWorkloads(context) : undefined;
  }

  /**
   * Deployments, stateful sets, services, config maps, patch, apply, exec and port-forward.
   *
   * @throws ClusterError Unsupported on Nomad
   */
  get kubernetes(): Workloads {
    if (this.#workloads === undefined) {
      throw new ClusterError(
        'Unsupported',
        'Nomad has no deployments, stateful sets, services, config maps, apply, exec or port-forward of Kubernetes',
        {
          remedy: 'connect to a Kubernetes cluster, or use jobs',
        },
      );
    }
    return this.#workloads;
  }

  /** Makes a namespace and waits until jobs can be created in it. true: it was made, false: it was there. */
  createNamespace(name: string, options: WaitOptions = {}): Promise<boolean> {
    return this.#backend.createNamespace(name, options);
  }

  /** Deletes a namespace with all that is in it, and waits until it is gone. false: there was none. */
  deleteNamespace(name: string, options: WaitOptions = {}): Promise<boolean> {
    return this.#backend.deleteNamespace(name, options);
  }

  getNodes(options: Signalled = {}): Promise<ClusterNode[]> {
    return this.#backend.getNodes(options);
  }

  /** Limits what all jobs of a namespace together may use; the same again changes nothing. */
  defineQuota(namespace: string, quota: QuotaSpec, options: Signalled = {}): Promise<void> {
    return this.#backend.defineQuota(namespace, quota, options);
  }

  /** @throws ClusterError AlreadyExists unless `delete: true` replaces the job */
  createJob(namespace: string, name: string, spec: JobSpec, options: WaitOptions = {}): Promise<Job> {
    return this.#backend.createJob(namespace, name, spec, options);
  }

  listJobs(namespace: string, options: Signalled = {}): Promise<Job[]> {
    return this.#backend.listJobs(namespace, options);
  }

  getJob(namespace: string, name: string, options: Signalled = {}): Promise<Job | null> {
    return this.#backend.getJob(namespace, name, options);
  }

  /** false: there was none. */
  deleteJob(namespace: string, name: string, options: DeleteJobOptions = {}): Promise<boolean> {
    return this.#backend.deleteJob(namespace, name, options);
  }

  /** Deletes all jobs of a namespace. Returns the ids of those that are still there at the deadline. */
  cleanupJobs(namespace: string, options: WaitOptions = {}): Promise<string[]> {
    return this.#backend.cleanupJobs(namespace, options);
  }

  /**
   * Waits until the job has ended; `outcome` says how.
   *
   * @throws ClusterError Timeout; NotFound when there is none, or it is deleted meanwhile
   */
  waitForJob(namespace: string, name: string, options: WaitOptions = {}): Promise<Job> {
    return this.#backend.waitForJob(namespace, name, options);
  }

  listJobExecutions(namespace: string, name: string, options: Signalled = {}): Promise<Execution[]> {
    return this.#backend.listExecutions(namespace, name, options);
  }

  /** The executions of all jobs of a namespace. */
  listJobsExecutions(namespace: string, options: Signalled = {}): Promise<Execution[]> {
    return this.#backend.listExecutions(namespace, undefined, options);
  }

  getExecutionLog(namespace: string, name: string, id: string, options: LogOptions = {}): Promise<string> {
    return this.#backend.getExecutionLog(namespace, name, id, options);
  }

  /** The lines of a log as they are written; waits for the container, follows it when it is restarted, and ends with it. */
  followExecutionLog(
    namespace: string,
    name: string,
    id: string,
    options: LogOptions = {},
  ): AsyncGenerator<string> {
    return this.#backend.followExecutionLog(namespace, name, id, options);
  }

  /** false: there was none. The cluster may start another one in its place. */
  deleteExecution(namespace: string, name: string, id: string, options: Signalled = {}): Promise<boolean> {
    return this.#backend.deleteExecution(namespace, name, id, options);
  }

  /** @throws ClusterError Timeout; Conflict when it has ended in another state; NotFound */
  waitForJobExecutionStatus(
    namespace: string,
    name: string,
    id: string,
    status: ExecutionStatus,
    options: WaitOptions = {},
  ): Promise<Execution> {
    return this.#backend.waitForJobExecutionStatus(namespace, name, id, status, options);
  }

  /** Jobs that have no execution on a node yet, with the reason. */
  waitingJobs(namespace: string, options: Signalled = {}): Promise<WaitingJob[]> {
    return this.#backend.waitingJobs(namespace, options);
  }

  /** Jobs that have not ended and do not wait. */
  async runningJobs(namespace: string, options: Signalled = {}): Promise<Job[]> {
    const waiting = new Set((await this.waitingJobs(namespace, options)).map(({ job }) => job.id));
    const jobs = await this.listJobs(namespace, options);
    return jobs.filter(({ id, finished }) => !finished && !waiting.has(id));
  }

  /** How many executions of a job may run at a time. */
  getScale(namespace: string, name: string, options: Signalled = {}): Promise<number> {
    return this.#backend.getScale(namespace, name, options);
  }

  setScale(namespace: string, name: string, scale: number, options: Signalled = {}): Promise<void> {
    return this.#backend.setScale(namespace, name, scale, options);
  }

  /** Closes the connection too. */
  async close(): Promise<void> {
    await this.#backend.close();
    await this.context.close();
  }
}
