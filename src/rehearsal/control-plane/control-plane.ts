import { ApiServer } from '../api/api-server.ts';
import { Store } from '../api/store.ts';
import { Authority, type Credentials } from './authority.ts';
import { startControllers } from './controllers.ts';
import { adminKubeconfig, clusterInfoKubeconfig } from './kubeconfig.ts';
import { seedCluster } from './seed.ts';

export interface ControlPlaneOptions {
  node: string;
  nodeIp: string;
  hostIp: string;
  port: number;
  /** How long a silent node stays Ready, in milliseconds. */
  graceMs: number;
  /** Resolves when CoreDNS may get ready; never, where that is rehearsed. */
  dnsAllowed: (signal: AbortSignal) => Promise<void>;
  log: (unit: string, message: string) => void;
}

/** What `kubeadm init` starts: the authority, the store, the API server and the controllers. */
export class ControlPlane implements AsyncDisposable {
  readonly store: Store;
  readonly authority: Authority;
  readonly server: ApiServer;
  /** The kubeconfig of kubernetes-admin. */
  readonly adminConf: string;
  readonly #stop: AbortController;

  private constructor(parts: {
    store: Store;
    authority: Authority;
    server: ApiServer;
    adminConf: string;
    stop: AbortController;
  }) {
    this.store = parts.store;
    this.authority = parts.authority;
    this.server = parts.server;
    this.adminConf = parts.adminConf;
    this.#stop = parts.stop;
  }

  static async start(options: ControlPlaneOptions): Promise<ControlPlane> {
    const { node, nodeIp, hostIp, port, graceMs, dnsAllowed, log } = options;
    const authority = await Authority.create();
    const [serving, admin, kubelet] = await Promise.all([
      authority.issueServer(servingNames(node), ['10.96.0.1', nodeIp, '127.0.0.1', hostIp]),
      authority.issueClient('kubernetes-admin', 'kubeadm:cluster-admins'),
      authority.issueClient('kube-apiserver-kubelet-client', 'kubeadm:cluster-admins'),
    ]);
    const url = `https://${node}:${port}`;
    const store = new Store();
    const stop = new AbortController();
    seedCluster(store, {
      clusterInfo: clusterInfoKubeconfig(url, authority.certificate),
      endpoint: `${node}:${port}`,
      authority: authority.certificate,
    });
    startControllers({ store, authority, graceMs, dnsAllowed, log, signal: stop.signal });
    const server = new ApiServer({
      store,
      authority: authority.certificate,
      ...serving,
      address: `${hostIp}:${port}`,
      kubelets: { authority: authority.certificate, ...kubelet },
    });
    const adminConf = adminKubeconfig(url, authority.certificate, admin);
    return new ControlPlane({ store, authority, server, adminConf, stop });
  }

  /** The certificate with which this node's own kubelet works. */
  issueKubeletClient(node: string): Promise<Credentials> {
    return this.authority.issueClient(`system:node:${node}`, 'system:nodes');
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    await this.server[Symbol.asyncDispose]();
  }
}

/** The DNS names of the API server's certificate, in the order that kubeadm prints. */
export function servingNames(node: string): string[] {
  return [
    'kubernetes',
    'kubernetes.default',
    'kubernetes.default.svc',
    'kubernetes.default.svc.cluster.local',
    'localhost',
    node,
  ];
}
