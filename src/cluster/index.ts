/** The package's export `unet/cluster`: a client for Kubernetes and Nomad. */
export type { KubernetesConfig, NomadConfig } from './config-types.ts';
export { ClusterError, type ClusterErrorReason } from './errors.ts';
export {
  type ConnectOptions,
  connectKubernetes,
  type KubernetesContext,
  openKubernetes,
} from './kubernetes/connect.ts';
export type { ExecOptions, ExecResult, PortForwarding } from './kubernetes/exec.ts';
export type {
  ApplyOptions,
  DeleteOptions,
  Kind,
  KubernetesObject,
  ListOptions,
  Metadata,
  NewKubernetesObject,
  ObjectsClient,
  OwnerReference,
  PatchType,
} from './kubernetes/objects.ts';
export type { WatchEvent, WatchOptions } from './kubernetes/watch.ts';
export type { ServiceSpec, Workload, WorkloadKind, WorkloadSpec, Workloads } from './kubernetes/workloads.ts';
export { ClusterManager } from './manager.ts';
export { connectNomad, type NomadContext } from './nomad/connect.ts';
export type {
  ClusterNode,
  DeleteJobOptions,
  EnvFrom,
  Execution,
  ExecutionEvent,
  ExecutionStatus,
  Job,
  JobSpec,
  LogOptions,
  QuotaSpec,
  Toleration,
  WaitingJob,
  WaitOptions,
} from './types.ts';
