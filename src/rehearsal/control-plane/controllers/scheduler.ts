/** The scheduler: the node with the most room among those that a pod may go to. */
import { at, type Fields, isFields, type KubeObject, listAt, textAt, timestamp } from '../../api/objects.ts';
import { isTerminal, podTotal, resourcesOf } from '../../api/pod-resources.ts';
import { parseQuantity } from '../../api/quantity.ts';
import { resourceTypes } from '../../api/resource-types.ts';
import type { ControllerContext } from '../controllers.ts';
import { isReady } from './node-conditions.ts';
import { observe } from './observe.ts';
import { recordEvent } from './record-event.ts';

const component = 'default-scheduler';

export function runScheduler(context: ControllerContext): void {
  const { store, signal, log } = context;
  const waiting = new Set<string>();
  /** The pods of each node that hold its resources, by uid. */
  const placed = new Map<string, Map<string, KubeObject>>();
  let planned = false;
  observe(context, [resourceTypes.pods, resourceTypes.nodes], ({ resource, type, object, previous }) => {
    if (resource === resourceTypes.nodes) {
      if (type === 'MODIFIED' && previous !== undefined && sameForPods(previous, object)) return;
      return plan();
    }
    const uid = object.metadata.uid ?? '';
    const node = textAt(object, 'spec', 'nodeName');
    const over = type === 'DELETED' || isTerminal(object);
    if (node === '' && !over && isOurs(object)) waiting.add(uid);
    else waiting.delete(uid);
    if (node !== '') note(node, uid, over ? undefined : object);
    // A pod that is over makes room; one that is new wants some.
    if (over || node === '') plan();
  });

  function note(node: string, uid: string, pod: KubeObject | undefined): void {
    const pods = placed.get(node) ?? new Map<string, KubeObject>();
    placed.set(node, pods);
    if (pod === undefined) pods.delete(uid);
    else pods.set(uid, pod);
  }

  function plan(): void {
    if (planned || waiting.size === 0) return;
    planned = true;
    setImmediate(() => {
      planned = false;
      if (signal.aborted) return;
      for (const uid of waiting) {
        const found = store.findByUid(uid);
        if (found === undefined) waiting.delete(uid);
        else if (found.object.metadata.deletionTimestamp === undefined) {
          try {
            place(found.object);
          } catch (error) {
            log('kube-scheduler', String(error));
          }
        }
      }
    });
  }

  function place(pod: KubeObject): void {
    const nodes = store.list(resourceTypes.nodes);
    const reasons = new Map<string, number>();
    const fitting = nodes.filter((node) => {
      const reason = whyNot(pod, node);
      if (reason !== undefined) reasons.set(reason, (reasons.get(reason) ?? 0) + 1);
      return reason === undefined;
    });
    const [best] = fitting.sort((a, b) => load(a) - load(b));
    if (best === undefined) {
      refuse(pod, nodes.length, reasons);
      return;
    }
    waiting.delete(pod.metadata.uid ?? '');
    const { name, namespace } = pod.metadata;
    const node = best.metadata.name;
    const bound = store.modify(resourceTypes.pods, name, namespace, (object) => {
      object.spec = { ...(object.spec as Fields), nodeName: node };
      object.status = { ...(object.status as Fields), conditions: [scheduled('True')] };
    });
    note(node, pod.metadata.uid ?? '', bound);
    recordEvent(store, pod, {
      type: 'Normal',
      reason: 'Scheduled',
      message: `Successfully assigned ${namespace}/${name} to ${node}`,
      component,
    });
  }

  function load(node: KubeObject): number {
    return placed.get(node.metadata.name)?.size ?? 0;
  }

  function whyNot(pod: KubeObject, node: KubeObject): string | undefined {
    if (!isReady(node)) return 'node(s) were not ready';
    if (at(node, 'spec', 'unschedulable') === true) return 'node(s) were unschedulable';
    const taint = listAt(node, 'spec', 'taints').find((each) => !tolerates(pod, each));
    if (taint !== undefined) {
      return `node(s) had untolerated taint {${taint.key}: ${taint.value ?? ''}}`;
    }
    if (!matchesSelector(pod, node)) return "node(s) didn't match Pod's node affinity/selector";
    const pods = [...(placed.get(node.metadata.name)?.values() ?? [])];
    if (pods.length >= Number(at(node, 'status', 'allocatable', 'pods') ?? 110)) return 'Too many pods';
    const short = resourcesOf(pod).find((resource) => {
      const free = parseQuantity(at(node, 'status', 'allocatable', resource)) ?? 0;
      const used = pods.reduce((sum, each) => sum + podTotal(each, 'requests', resource), 0);
      return used + podTotal(pod, 'requests', resource) > free;
    });
    return short === undefined ? undefined : `Insufficient ${short}`;
  }

  function refuse(pod: KubeObject, total: number, reasons: ReadonlyMap<string, number>): void {
    const told = [...reasons].map(([reason, count]) => `${count} ${reason}`).join(', ');
    const message =
      total === 0 ? 'no nodes available to schedule pods' : `0/${total} nodes are available: ${told}.`;
    const before = listAt(pod, 'status', 'conditions').find(({ type }) => type === 'PodScheduled');
    if (before?.message === message) return;
    store.modify(resourceTypes.pods, pod.metadata.name, pod.metadata.namespace, (object) => {
      object.status = { ...(object.status as Fields), conditions: [scheduled('False', message)] };
    });
    recordEvent(store, pod, { type: 'Warning', reason: 'FailedScheduling', message, component });
  }
}

/** A heartbeat changes nothing for pods that wait. */
function sameForPods(before: KubeObject, after: KubeObject): boolean {
  const facts = (node: KubeObject) =>
    JSON.stringify([isReady(node), node.metadata.labels, node.spec, at(node, 'status', 'allocatable')]);
  return facts(before) === facts(after);
}

/** CoreDNS's stand-in places its pods itself. */
function isOurs(pod: KubeObject): boolean {
  return at(pod, 'spec', 'schedulerName') === 'default-scheduler';
}

function scheduled(status: 'True' | 'False', message?: string): Fields {
  return {
    type: 'PodScheduled',
    status,
    lastTransitionTime: timestamp(),
    ...(message !== undefined && { reason: 'Unschedulable', message }),
  };
}

function tolerates(pod: KubeObject, taint: Fields): boolean {
  if (taint.effect === 'PreferNoSchedule') return true;
  return listAt(pod, 'spec', 'tolerations').some((toleration) => {
    const effect = toleration.effect === undefined || toleration.effect === taint.effect;
    const key = toleration.key === undefined || toleration.key === '' || toleration.key === taint.key;
    const exists = toleration.operator === 'Exists';
    if ((toleration.key === undefined || toleration.key === '') && !exists) return false;
    return effect && key && (exists || (toleration.value ?? '') === (taint.value ?? ''));
  });
}

function matchesSelector(pod: KubeObject, node: KubeObject): boolean {
  const selector = at(pod, 'spec', 'nodeSelector');
  return Object.entries(isFields(selector) ? selector : {}).every(
    ([key, value]) => node.metadata.labels?.[key] === value,
  );
}
