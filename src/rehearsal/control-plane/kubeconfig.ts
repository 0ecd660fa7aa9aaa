import type { Credentials } from './authority.ts';

const base64 = (text: string) => Buffer.from(text).toString('base64');

/** admin.conf, in kubeadm's form and order. */
export function adminKubeconfig(
  server: string,
  authority: string,
  { certificate, key }: Credentials,
): string {
  return `apiVersion: v1
clusters:
- cluster:
    certificate-authority-data: ${base64(authority)}
    server: ${server}
  name: kubernetes
contexts:
- context:
    cluster: kubernetes
    user: kubernetes-admin
  name: kubernetes-admin@kubernetes
current-context: kubernetes-admin@kubernetes
kind: Config
users:
- name: kubernetes-admin
  user:
    client-certificate-data: ${base64(certificate)}
    client-key-data: ${base64(key)}
`;
}

/** What the cluster-info ConfigMap holds: where the server is and its authority, no user. */
export function clusterInfoKubeconfig(server: string, authority: string): string {
  return `apiVersion: v1
clusters:
- cluster:
    certificate-authority-data: ${base64(authority)}
    server: ${server}
  name: ""
contexts: null
current-context: ""
kind: Config
users: null
`;
}
