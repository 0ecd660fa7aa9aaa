import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { availableParallelism, release, totalmem } from 'node:os';
import { type Fields, timestamp } from '../api/objects.ts';
import type { Machine } from './machine.ts';

export const uninitializedTaint = 'node.cloudprovider.kubernetes.io/uninitialized';

/** The Node as a kubelet registers it: see recorded/usernetes/nodes-before-sync.json. */
export function nodeObject(machine: Machine, controlPlane: boolean): Fields {
  const { name, hostIp, ports } = machine;
  return {
    apiVersion: 'v1',
    kind: 'Node',
    metadata: {
      name,
      annotations: {
        'node.alpha.kubernetes.io/ttl': '0',
        'volumes.kubernetes.io/controller-managed-attach-detach': 'true',
      },
      labels: {
        'beta.kubernetes.io/arch': 'amd64',
        'beta.kubernetes.io/os': 'linux',
        'kubernetes.io/arch': 'amd64',
        'kubernetes.io/hostname': name,
        'kubernetes.io/os': 'linux',
        ...(controlPlane && {
          'node-role.kubernetes.io/control-plane': '',
          'node.kubernetes.io/exclude-from-external-load-balancers': '',
        }),
        'usernetes/host-ip': hostIp,
      },
    },
    spec: {
      taints: [
        ...(controlPlane ? [{ effect: 'NoSchedule', key: 'node-role.kubernetes.io/control-plane' }] : []),
        { effect: 'NoSchedule', key: uninitializedTaint, value: 'true' },
      ],
    },
    status: {
      addresses: [{ address: name, type: 'Hostname' }],
      ...capacity(),
      conditions: nodeConditions(false),
      daemonEndpoints: { kubeletEndpoint: { Port: ports.kubelet } },
      images: images(),
      nodeInfo: nodeInfo(machine),
    },
  };
}

/** The four conditions that a kubelet reports. */
export function nodeConditions(ready: boolean): Fields[] {
  const now = timestamp();
  const times = { lastHeartbeatTime: now, lastTransitionTime: now };
  const fine = (type: string, reason: string, message: string) => ({
    ...times,
    type,
    status: 'False',
    reason,
    message,
  });
  return [
    fine('MemoryPressure', 'KubeletHasSufficientMemory', 'kubelet has sufficient memory available'),
    fine('DiskPressure', 'KubeletHasNoDiskPressure', 'kubelet has no disk pressure'),
    fine('PIDPressure', 'KubeletHasSufficientPID', 'kubelet has sufficient PID available'),
    ready
      ? {
          ...times,
          type: 'Ready',
          status: 'True',
          reason: 'KubeletReady',
          message: 'kubelet is posting ready status',
        }
      : {
          ...times,
          type: 'Ready',
          status: 'False',
          reason: 'KubeletNotReady',
          message:
            'container runtime network not ready: NetworkReady=false reason:NetworkPluginNotReady message:Network plugin returns error: cni plugin not initialized',
        },
  ];
}

/** The same for as long as the machine lives, and different on each. */
export function machineId(machine: Machine): string {
  return createHash('sha256')
    .update(`${machine.releaseDirectory}\n${machine.name}\n${process.pid}`)
    .digest('hex')
    .slice(0, 32);
}

function capacity(): Fields {
  const memory = Math.floor(totalmem() / 1024);
  const common = {
    cpu: String(availableParallelism()),
    'hugepages-1Gi': '0',
    'hugepages-2Mi': '0',
    pods: '110',
  };
  return {
    capacity: { ...common, 'ephemeral-storage': '264212084Ki', memory: `${memory}Ki` },
    // The kubelet keeps 100 MiB for eviction.
    allocatable: { ...common, 'ephemeral-storage': '243497856212', memory: `${memory - 102_400}Ki` },
  };
}

function nodeInfo(machine: Machine): Fields {
  const id = machineId(machine);
  return {
    architecture: 'amd64',
    bootID: bootId(),
    containerRuntimeVersion: 'containerd://1.7.24',
    kernelVersion: release(),
    kubeProxyVersion: '',
    kubeletVersion: 'v1.34.2',
    machineID: id,
    operatingSystem: 'linux',
    osImage: 'Debian GNU/Linux 12 (bookworm)',
    systemUUID: id,
  };
}

function bootId(): string {
  try {
    return readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
  } catch {
    return '00000000-0000-0000-0000-000000000000';
  }
}

function images(): Fields[] {
  return ['kube-proxy', 'kube-apiserver', 'kube-controller-manager', 'kube-scheduler'].map((name) => ({
    names: [`registry.k8s.io/${name}:v1.34.2`],
    sizeBytes: 100_000_000,
  }));
}
