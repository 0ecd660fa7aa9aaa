/** The package's export `unet/cluster`: a client for Kubernetes and Nomad. */
export type { KubernetesConfig, NomadConfig } from './config.ts';
export { ClusterError, type ClusterErrorReason } from './errors.ts';
export {
  type ConnectOptions,
  connectKubernetes,
  type KubernetesContext,
  openKubernetes,
} from './kubernetes/connect.ts';
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
