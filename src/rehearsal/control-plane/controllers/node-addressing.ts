import { type Fields, textAt } from '../../api/objects.ts';
import { resourceTypes } from '../../api/resource-types.ts';
import type { ControllerContext } from '../controllers.ts';
import { observe } from './observe.ts';

/** A /24 per node out of 10.244.0.0/16. */
const podNetworks = 256;

/** Gives each new node the lowest free pod network; from the 257th on there is none, as upstream. */
export function runNodeAddressing(context: ControllerContext): void {
  const { store, log } = context;
  observe(context, [resourceTypes.nodes], ({ type, object }) => {
    const { name } = object.metadata;
    if (type !== 'ADDED' || store.find(resourceTypes.nodes, name) === undefined) return;
    const taken = new Set(store.list(resourceTypes.nodes).map((node) => textAt(node, 'spec', 'podCIDR')));
    const free = Array.from({ length: podNetworks }, (_, i) => `10.244.${i}.0/24`).find(
      (cidr) => !taken.has(cidr),
    );
    if (free === undefined) {
      log(
        'kube-controller-manager',
        `node ${name}: CIDR allocation failed; there are no remaining CIDRs left to allocate in the accepted range`,
      );
      return;
    }
    store.modify(resourceTypes.nodes, name, undefined, (node) => {
      node.spec = { podCIDR: free, podCIDRs: [free], ...(node.spec as Fields) };
    });
  });
}
