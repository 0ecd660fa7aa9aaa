import { type Fields, type KubeObject, listAt } from '../../api/objects.ts';

/** Whether the node's Ready condition has this status. */
export function isReady(node: KubeObject, status = 'True'): boolean {
  return listAt(node, 'status', 'conditions').some(
    (condition) => condition.type === 'Ready' && condition.status === status,
  );
}

export function hasTaint(node: KubeObject, key: string): boolean {
  return taintsOf(node).some((taint) => taint.key === key);
}

/** Adds or removes the taints of a key; the field goes when no taint is left. */
export function setTaints(node: KubeObject, key: string, taints: Fields[]): void {
  const rest = taintsOf(node).filter((taint) => taint.key !== key);
  const spec = { ...(node.spec as Fields), taints: [...rest, ...taints] };
  if (spec.taints.length > 0) node.spec = spec;
  else {
    const { taints: _, ...without } = spec;
    node.spec = without;
  }
}

function taintsOf(node: KubeObject): Fields[] {
  return listAt(node, 'spec', 'taints');
}
