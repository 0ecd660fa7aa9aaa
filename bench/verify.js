/** Whether a cluster is what it should be, asked over its API at the moment when its bring-up said so. */
import { readFileSync } from 'node:fs';
import { request } from 'node:https';
import { parse } from 'yaml';

const REQUEST_TIMEOUT_MS = 5000;
const UNINITIALIZED_TAINT = 'node.cloudprovider.kubernetes.io/uninitialized';

/**
 * @throws Error when a node is missing or not Ready, or DNS has no endpoint.
 * @returns how many nodes had no external address yet, or still their taint.
 */
export async function verify(kubeconfig, count) {
  const ask = client(parse(readFileSync(kubeconfig, 'utf8')));
  const nodes = (await ask('/api/v1/nodes')).items;
  const ready = nodes.filter(isReady);
  if (nodes.length !== count || ready.length !== count) {
    throw new Error(`${nodes.length} nodes, ${ready.length} of them Ready; ${count} were asked for`);
  }
  const selector = encodeURIComponent('kubernetes.io/service-name=kube-dns');
  const { items: slices } = await ask(
    `/apis/discovery.k8s.io/v1/namespaces/kube-system/endpointslices?labelSelector=${selector}`,
  );
  if (!slices.some(({ endpoints }) => endpoints?.some(({ conditions }) => conditions?.ready === true))) {
    throw new Error('DNS has no ready endpoint');
  }
  return nodes.filter((node) => !isAddressed(node)).length;
}

function isReady({ status }) {
  return status?.conditions?.some(({ type, status: is }) => type === 'Ready' && is === 'True') === true;
}

function isAddressed({ spec, status }) {
  const external = status?.addresses?.some(({ type }) => type === 'ExternalIP') === true;
  return external && !(spec?.taints ?? []).some(({ key }) => key === UNINITIALIZED_TAINT);
}

function client({ clusters: [{ cluster }], users: [{ user }] }) {
  const pem = (data) => Buffer.from(data, 'base64');
  const options = {
    ca: pem(cluster['certificate-authority-data']),
    cert: pem(user['client-certificate-data']),
    key: pem(user['client-key-data']),
    timeout: REQUEST_TIMEOUT_MS,
    agent: false,
  };
  return (path) =>
    new Promise((resolve, reject) => {
      const asked = request(new URL(path, cluster.server), options, async (response) => {
        const chunks = await response.toArray();
        const body = Buffer.concat(chunks).toString();
        response.statusCode === 200 ? resolve(JSON.parse(body)) : reject(new Error(`${path}: ${body}`));
      });
      asked.once('timeout', () => asked.destroy(new Error(`${path}: no answer`)));
      asked.once('error', reject);
      asked.end();
    });
}
