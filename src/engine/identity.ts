/** What makes a node's containers, networks and ports its own: the lead assigns, nothing is guessed by hashing. */
import type { Environment } from '../process/environment.ts';

export type Identity = {
  jobId: string;
  node: string;
  hostIp: string;
  nodeName: string;
  subnet: string;
  ports: { etcd: number; kubelet: number; flannel: number; apiServer: number };
};

/** The documented variables of a Usernetes release, and the compose project that carries the job's id. */
export function identityVariables(identity: Identity): Environment {
  const { ports } = identity;
  return {
    HOST_IP: identity.hostIp,
    NODE_NAME: identity.nodeName,
    NODE_SUBNET: identity.subnet,
    PORT_ETCD: String(ports.etcd),
    PORT_KUBELET: String(ports.kubelet),
    PORT_FLANNEL: String(ports.flannel),
    PORT_KUBE_APISERVER: String(ports.apiServer),
    // The preflight's last check pulls busybox from a registry, which compute nodes seldom reach.
    QUICK: '1',
    COMPOSE_PROJECT_NAME: projectName(identity.jobId, identity.node),
  };
}

/** `unet-slurm-42-n1`: what compose allows in a project name (lowercase letters, digits, dashes, underscores). */
export function projectName(jobId: string, node: string): string {
  return `unet-${jobId}-${node.toLowerCase().replace(/[^a-z0-9_-]/g, '-')}`;
}
