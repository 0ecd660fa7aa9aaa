import { type Fields, type KubeObject, listAt, textAt, timestamp } from '../../api/objects.ts';
import { resourceTypes } from '../../api/resource-types.ts';
import type { ControllerContext } from '../controllers.ts';
import { hasTaint, isReady, setTaints } from './node-conditions.ts';
import { observe } from './observe.ts';

const notReady = 'node.kubernetes.io/not-ready';
const unreachable = 'node.kubernetes.io/unreachable';

/** Node lifecycle controller: taints by condition, and Unknown for a node whose lease is not renewed. */
export function runNodeLifecycle(context: ControllerContext): void {
  const { store, graceMs, signal } = context;
  observe(context, [resourceTypes.nodes], ({ type, object }) => {
    const node = store.find(resourceTypes.nodes, object.metadata.name);
    if (type !== 'DELETED' && node !== undefined) taintByCondition(context, node);
  });
  const timer = setInterval(
    () => {
      for (const node of store.list(resourceTypes.nodes)) if (isSilent(node)) markUnknown(node);
    },
    Math.max(100, Math.min(5000, graceMs / 8)),
  );
  signal.addEventListener('abort', () => clearInterval(timer), { once: true });

  function isSilent(node: KubeObject): boolean {
    if (isReady(node, 'Unknown')) return false;
    const lease = store.find(resourceTypes.leases, node.metadata.name, 'kube-node-lease');
    const heard = textAt(lease, 'spec', 'renewTime') || (node.metadata.creationTimestamp ?? '');
    return Date.now() - Date.parse(heard) > graceMs;
  }

  function markUnknown(node: KubeObject): void {
    const now = timestamp();
    store.modify(resourceTypes.nodes, node.metadata.name, undefined, (object) => {
      const conditions = listAt(object, 'status', 'conditions').map((condition) => ({
        ...condition,
        status: 'Unknown',
        reason: 'NodeStatusUnknown',
        message: 'Kubelet stopped posting node status.',
        lastTransitionTime: now,
      }));
      object.status = { ...(object.status as Fields), conditions };
    });
  }
}

function taintByCondition({ store }: ControllerContext, node: KubeObject): void {
  const wanted = isReady(node) ? undefined : isReady(node, 'Unknown') ? unreachable : notReady;
  const wrong = [notReady, unreachable].filter((key) => hasTaint(node, key) !== (key === wanted));
  if (wrong.length === 0) return;
  store.modify(resourceTypes.nodes, node.metadata.name, undefined, (object) => {
    for (const key of wrong) setTaints(object, key, key === wanted ? [{ key, effect: 'NoSchedule' }] : []);
  });
}
