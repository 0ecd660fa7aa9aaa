import { resourceTypes } from '../../api/resource-types.ts';
import type { Store } from '../../api/store.ts';
import { createConfigMap, createDaemonSet } from '../../control-plane/seed.ts';
import type { CommandRun } from '../commands.ts';

const namespace = 'kube-flannel';
const release = 'sh.helm.release.v1.flannel.v1';

/** install-flannel.sh: the namespace, then the chart; only the release's name when it is there already. */
export async function installFlannel({ machine, out, err, failure }: CommandRun): Promise<number> {
  const store = machine.controlPlane?.store;
  if (store === undefined || failure === 'unreachable') {
    const server = store === undefined ? 'localhost:8080' : `${machine.name}:${machine.ports.apiServer}`;
    err(
      `Error: Kubernetes cluster unreachable: Get "https://${server}/version": dial tcp: connect: connection refused\n`,
    );
    err(`The connection to the server ${server} was refused - did you specify the right host or port?\n`);
    return 1;
  }
  if (store.find(resourceTypes.secrets, release, namespace) !== undefined) {
    out('flannel\n');
    return 0;
  }
  if (store.find(resourceTypes.namespaces, namespace) !== undefined) {
    err(`Error from server (AlreadyExists): namespaces "${namespace}" already exists\n`);
    return 1;
  }
  createNamespace(store);
  out(`namespace/${namespace} created\nnamespace/${namespace} labeled\n`);
  if (failure !== undefined) {
    err('Error: INSTALLATION FAILED: context deadline exceeded\n');
    return 1;
  }
  installChart(store);
  out(`NAME: flannel
LAST DEPLOYED: ${helmDate(new Date())}
NAMESPACE: ${namespace}
STATUS: deployed
REVISION: 1
TEST SUITE: None
`);
  return 0;
}

function createNamespace(store: Store): void {
  store.create(resourceTypes.namespaces, {
    metadata: {
      name: namespace,
      labels: {
        'kubernetes.io/metadata.name': namespace,
        'pod-security.kubernetes.io/enforce': 'privileged',
      },
    },
    spec: { finalizers: ['kubernetes'] },
    status: { phase: 'Active' },
  });
}

function installChart(store: Store): void {
  store.create(resourceTypes.secrets, {
    metadata: {
      name: release,
      namespace,
      labels: { name: 'flannel', owner: 'helm', status: 'deployed', version: '1' },
    },
    type: 'helm.sh/release.v1',
    data: {},
  });
  store.create(resourceTypes.serviceAccounts, { metadata: { name: 'flannel', namespace } });
  createConfigMap(store, 'kube-flannel-cfg', namespace, {
    'net-conf.json': '{"Network":"10.244.0.0/16","Backend":{"Type":"vxlan"}}',
  });
  const labels = { app: 'flannel', tier: 'node' };
  createDaemonSet(store, 'kube-flannel-ds', namespace, labels, 'ghcr.io/flannel-io/flannel:v0.27.2');
}

/** "Fri Nov 20 17:11:21 2026". */
function helmDate(date: Date): string {
  const [weekday = '', day = '', month = '', year = '', time = ''] = date
    .toUTCString()
    .replace(',', '')
    .split(' ');
  return `${weekday} ${month} ${String(Number(day)).padStart(2)} ${time} ${year}`;
}
