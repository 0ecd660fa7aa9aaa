/** A pod's status as its kubelet reports it. */
import { type Fields, type KubeObject, listAt, textAt, timestamp } from '../../api/objects.ts';

/** Where a container is. */
export type ContainerState =
  | { kind: 'waiting'; reason: string; message?: string }
  | { kind: 'running'; startedAt: string; id: string }
  | {
      kind: 'terminated';
      exitCode: number;
      reason: string;
      message?: string;
      startedAt: string;
      finishedAt: string;
      id: string;
    };

export type ContainerFacts = {
  name: string;
  image: string;
  state: ContainerState;
  lastState?: ContainerState;
  restartCount: number;
  /** It is not started again. */
  final: boolean;
};

export type PodFacts = {
  containers: readonly ContainerFacts[];
  initContainers: readonly ContainerFacts[];
  startTime: string;
  podIp: string;
  hostIp: string;
};

export function podStatus(
  pod: KubeObject,
  { containers, initContainers, startTime, podIp, hostIp }: PodFacts,
): Fields {
  const phase = phaseOf(containers, initContainers);
  const over = phase === 'Succeeded' || phase === 'Failed';
  const ready = !over && containers.every(({ state }) => state.kind === 'running');
  const initialized = initContainers.every(
    ({ state }) => state.kind === 'terminated' && state.exitCode === 0,
  );
  const reason = phase === 'Succeeded' ? 'PodCompleted' : 'ContainersNotReady';
  const before = listAt(pod, 'status', 'conditions');
  const now = timestamp();
  const condition = (type: string, met: boolean) => {
    const status = met ? 'True' : 'False';
    const same = before.find((each) => each.type === type && each.status === status);
    return {
      type,
      status,
      lastTransitionTime: textAt(same, 'lastTransitionTime') || now,
      ...(!met && { reason }),
    };
  };
  return {
    phase,
    hostIP: hostIp,
    hostIPs: [{ ip: hostIp }],
    podIP: podIp,
    podIPs: [{ ip: podIp }],
    startTime,
    conditions: [
      condition('PodReadyToStartContainers', !over),
      condition('Initialized', initialized),
      condition('Ready', ready),
      condition('ContainersReady', ready),
      condition('PodScheduled', true),
    ],
    ...(initContainers.length > 0 && { initContainerStatuses: initContainers.map(containerStatus) }),
    containerStatuses: containers.map(containerStatus),
  };
}

function phaseOf(containers: readonly ContainerFacts[], initContainers: readonly ContainerFacts[]): string {
  const failed = ({ state, final }: ContainerFacts) =>
    final && state.kind === 'terminated' && state.exitCode !== 0;
  if (initContainers.some(failed)) return 'Failed';
  if (containers.every(({ state, final }) => final && state.kind === 'terminated')) {
    return containers.some(failed) ? 'Failed' : 'Succeeded';
  }
  const started = containers.some(({ state, restartCount }) => state.kind !== 'waiting' || restartCount > 0);
  return started ? 'Running' : 'Pending';
}

function containerStatus({ name, image, state, lastState, restartCount }: ContainerFacts): Fields {
  const running = state.kind === 'running';
  return {
    name,
    image,
    imageID: state.kind === 'waiting' ? '' : `rehearsal://${image}`,
    ...(state.kind !== 'waiting' && { containerID: `rehearsal://${state.id}` }),
    ready: running,
    started: running,
    restartCount,
    state: shown(state),
    lastState: lastState === undefined ? {} : shown(lastState),
  };
}

function shown({ kind, ...fields }: ContainerState): Fields {
  if (!('id' in fields)) return { [kind]: fields };
  const { id, ...rest } = fields;
  return { [kind]: kind === 'terminated' ? { ...rest, containerID: `rehearsal://${id}` } : rest };
}
