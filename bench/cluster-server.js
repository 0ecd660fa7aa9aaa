/**
 * A rehearsed control plane of its own process, with one node whose pods end at once and start no process: what is measured is the client.
 * Counts the requests that reach it. Bundled by cluster.js, as it is made of TypeScript.
 */
import { subscribe } from 'node:diagnostics_channel';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { requestDeletion } from '../src/rehearsal/api/deletion.ts';
import { resourceTypes } from '../src/rehearsal/api/resource-types.ts';
import { ControlPlane } from '../src/rehearsal/control-plane/control-plane.ts';

const NODE = 'node-0';

let requests = 0;
subscribe('http.server.request.start', () => {
  requests++;
});

const listener = createServer();
listener.listen(0, '127.0.0.1');
await once(listener, 'listening');
const { port } = listener.address();
const controlPlane = await ControlPlane.start({
  node: NODE,
  nodeIp: '127.0.0.1',
  hostIp: '127.0.0.1',
  port,
  graceMs: 24 * 3600 * 1000,
  dnsAllowed: () => new Promise(() => {}),
  log: () => {},
});
listener.on('connection', controlPlane.server.take);
runPods(controlPlane.store);
process.on('message', () => {
  process.send({ requests });
  requests = 0;
});
process.once('disconnect', () => process.exit());
process.send({ kubeconfig: controlPlane.adminConf.replace(`https://${NODE}:`, 'https://127.0.0.1:') });

/** The node, and its kubelet: a pod that is bound has succeeded, one that is to go is gone. */
function runPods(store) {
  store.create(resourceTypes.nodes, {
    metadata: { name: NODE },
    status: {
      allocatable: { cpu: '1000', memory: '1000Gi', pods: '10000' },
      conditions: [{ type: 'Ready', status: 'True' }],
    },
  });
  store.subscribe(({ resource, type, object }) => {
    if (resource === resourceTypes.pods && type !== 'DELETED') {
      setImmediate(() => settle(store, object.metadata.uid));
    }
  });
}

function settle(store, uid) {
  const pod = store.findByUid(uid)?.object;
  if (pod === undefined) {
    return;
  }
  if (pod.metadata.deletionTimestamp !== undefined) {
    requestDeletion(store, resourceTypes.pods, pod, { graceSeconds: 0 });
  } else if (pod.spec.nodeName === NODE && pod.status?.phase !== 'Succeeded') {
    store.modify(resourceTypes.pods, pod.metadata.name, pod.metadata.namespace, (ended) => {
      ended.status = { ...ended.status, phase: 'Succeeded' };
    });
  }
}
