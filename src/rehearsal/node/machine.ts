import type { ControlPlane } from '../control-plane/control-plane.ts';
import { type Fault, faultOf, parseFaults, type Step } from '../faults/grammar.ts';
import { Journal } from './journal.ts';
import type { Kubelet } from './kubelet.ts';
import type { NodePorts, PublishedPorts } from './published-ports.ts';

/**
 * The inside of one node: what its containers, files and services would be. Everything is in memory,
 * secrets too; `down` leaves nothing to wipe.
 */
export interface Machine {
  name: string;
  hostIp: string;
  nodeIp: string;
  ports: NodePorts;
  published: PublishedPorts;
  /** The `.rehearsal` directory, where tries are counted. */
  rehearsalDirectory: string;
  /** The release directory, mounted at /usernetes. */
  releaseDirectory: string;
  /** Files by path, as far as a step writes or reads them. */
  files: Map<string, string>;
  /** Names of the images that were imported into containerd. */
  images: Set<string>;
  /** /etc/hosts: names of other nodes. */
  hosts: Map<string, string>;
  journal: Journal;
  /** Whether containerd answers. */
  booted: boolean;
  /** Until when the step takes that brought it here, milliseconds since the epoch: what follows by itself waits for that. */
  busyUntil: number;
  /** UNET_REHEARSAL of `up`, for what a node does by itself (boot, ready, dns). */
  faults: Fault[];
  controlPlane?: ControlPlane;
  kubelet?: Kubelet;
}

/** Reads the machine from the environment that `up` gave. */
export function machineFromEnvironment(
  env: NodeJS.ProcessEnv,
  published: PublishedPorts,
  directories: { rehearsalDirectory: string; releaseDirectory: string },
): Machine {
  const name = env.NODE_NAME ?? '';
  return {
    name,
    hostIp: env.HOST_IP ?? '',
    nodeIp: env.NODE_IP ?? '',
    ports: portsFromEnvironment(env),
    published,
    ...directories,
    files: new Map(),
    images: new Set(),
    hosts: new Map(),
    journal: new Journal(name),
    booted: false,
    busyUntil: Number(env.UNET_REHEARSAL_UP_UNTIL ?? 0),
    faults: parseFaults(env.UNET_REHEARSAL ?? ''),
  };
}

export function portsFromEnvironment(env: NodeJS.ProcessEnv): NodePorts {
  return {
    etcd: Number(env.PORT_ETCD),
    apiServer: Number(env.PORT_KUBE_APISERVER),
    kubelet: Number(env.PORT_KUBELET),
    flannel: Number(env.PORT_FLANNEL),
  };
}

/** What is asked of a step that this node does by itself. */
export function machineFault(machine: Machine, step: Step): Fault {
  return faultOf(machine.faults, step, machine.name);
}
