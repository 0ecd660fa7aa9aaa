/** In which order kinds are made, so that what a pod needs is there before the pod. */
import type { KubeObject } from '../object.ts';

/** After Helm's InstallOrder (pkg/releaseutil/kind_sorter.go); other kinds come behind these. */
const ORDER = [
  'Namespace',
  'CustomResourceDefinition',
  'PriorityClass',
  'NetworkPolicy',
  'ResourceQuota',
  'LimitRange',
  'PodDisruptionBudget',
  'ServiceAccount',
  'Secret',
  'ConfigMap',
  'StorageClass',
  'PersistentVolume',
  'PersistentVolumeClaim',
  'ClusterRole',
  'ClusterRoleBinding',
  'Role',
  'RoleBinding',
  'ImageStream',
  'BuildConfig',
  'Service',
  'DaemonSet',
  'Pod',
  'ReplicationController',
  'ReplicaSet',
  'Deployment',
  'DeploymentConfig',
  'HorizontalPodAutoscaler',
  'StatefulSet',
  'Job',
  'CronJob',
  'Ingress',
  'Route',
];

/** Within a kind the template's order stays. Removing goes the other way round. */
export function inOrder<T extends Pick<KubeObject, 'kind'>>(objects: readonly T[]): T[] {
  const rank = ({ kind }: T) => (ORDER.includes(kind) ? ORDER.indexOf(kind) : ORDER.length);
  return [...objects].sort((a, b) => rank(a) - rank(b));
}
