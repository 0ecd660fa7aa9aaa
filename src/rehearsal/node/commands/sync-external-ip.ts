import type { Fields, KubeObject } from '../../api/objects.ts';
import { resourceTypes } from '../../api/resource-types.ts';
import type { Store } from '../../api/store.ts';
import { hasTaint, setTaints } from '../../control-plane/controllers/node-conditions.ts';
import { untilDue } from '../../faults/apply.ts';
import type { CommandRun } from '../commands.ts';
import { uninitializedTaint } from '../node-object.ts';

const annotation = 'flannel.alpha.coreos.com/public-ip-overwrite';

/** sync-external-ip.sh: every node's address from its label, the annotation for flannel, the taint gone. */
export async function syncExternalIp({
  machine,
  out,
  err,
  failure,
  fault,
  startedAt,
  signal,
}: CommandRun): Promise<number> {
  const store = machine.controlPlane?.store;
  if (store === undefined || failure !== undefined) {
    const server = store === undefined ? 'localhost:8080' : `${machine.name}:${machine.ports.apiServer}`;
    err(`The connection to the server ${server} was refused - did you specify the right host or port?\n`);
    return 1;
  }
  let due = startedAt;
  for (const node of store.list(resourceTypes.nodes)) {
    const { name } = node.metadata;
    due += fault.eachMs ?? 0;
    await untilDue(due, signal);
    const address = node.metadata.labels?.['usernetes/host-ip'] ?? '';
    out(`node/${name} patched${setAddress(store, node, address) ? '' : ' (no change)'}\n`);
    annotate(store, name, address);
    out(`node/${name} annotated\n`);
    if (removeTaint(store, name)) out(`node/${name} untainted\n`);
  }
  return 0;
}

/** A merge patch of status.addresses: the list is replaced. @returns whether it changed */
function setAddress(store: Store, node: KubeObject, address: string): boolean {
  const updated = store.modify(resourceTypes.nodes, node.metadata.name, undefined, (object) => {
    object.status = { ...(object.status as Fields), addresses: [{ type: 'ExternalIP', address }] };
  });
  return updated !== node;
}

function annotate(store: Store, name: string, address: string): void {
  store.modify(resourceTypes.nodes, name, undefined, (object) => {
    object.metadata.annotations = { ...object.metadata.annotations, [annotation]: address };
  });
}

function removeTaint(store: Store, name: string): boolean {
  if (!hasTaint(store.get(resourceTypes.nodes, name), uninitializedTaint)) return false;
  store.modify(resourceTypes.nodes, name, undefined, (object) => setTaints(object, uninitializedTaint, []));
  return true;
}
