import { setTimeout as delay } from 'node:timers/promises';
import { type Fields, type KubeObject, listAt, microTimestamp, textAt, timestamp } from '../api/objects.ts';
import { sufferFault, untilDue } from '../faults/apply.ts';
import { ApiClient, type ApiClientOptions, ApiError } from './api-client.ts';
import { type Machine, machineFault } from './machine.ts';
import { nodeConditions, nodeObject } from './node-object.ts';
import type { KubeletServer } from './pods/kubelet-server.ts';
import { PodSet } from './pods/pod-set.ts';

/** How long a silent node stays Ready unless rehearsed otherwise, in milliseconds. */
export const defaultGraceMs = 40_000;

/** Renewal of the lease, as a real kubelet's; never slower than a quarter of the grace. */
const renewMs = 10_000;

const strategicMerge = 'application/strategic-merge-patch+json';

/** The kubelet of a joined node: registers it, renews its lease, reports it ready once there is a network. */
export class Kubelet implements Disposable {
  readonly #machine: Machine;
  readonly #client: ApiClient;
  readonly #controlPlane: boolean;
  readonly #stop = new AbortController();
  readonly #pods: PodSet;
  readonly #connection: ApiClientOptions;
  #server: KubeletServer | undefined;

  constructor(machine: Machine, connection: ApiClientOptions, controlPlane: boolean) {
    this.#machine = machine;
    this.#client = new ApiClient(connection);
    this.#controlPlane = controlPlane;
    this.#connection = connection;
    this.#pods = new PodSet({
      client: this.#client,
      directory: 'pods',
      nodeName: machine.name,
      hostIp: machine.hostIp,
      apiServer: { host: connection.address, port: connection.port },
      onTrouble: (error) => machine.journal.log('kubelet', error.message),
    });
  }

  /** Registers the node, then goes on in the background until it is disposed. @throws ApiError */
  async start(): Promise<void> {
    await this.#register();
    void this.#renewLease();
    this.#serve();
    void this.#followPods();
  }

  [Symbol.dispose](): void {
    this.#stop.abort();
    this.#machine.published.serve(this.#machine.ports.kubelet, undefined);
    this.#server?.close();
    void this.#pods[Symbol.asyncDispose]().finally(() => this.#client[Symbol.dispose]());
  }

  async #register(): Promise<void> {
    const node = nodeObject(this.#machine, this.#controlPlane);
    const { name } = this.#machine;
    try {
      await this.#client.send('POST', '/api/v1/nodes', node);
    } catch (error) {
      if (!(error instanceof ApiError) || error.code !== 409) throw error;
      // Known from before a reset: its labels and status are this node's again.
      const { labels } = node.metadata as Fields;
      await this.#client.send('PATCH', `/api/v1/nodes/${name}`, { metadata: { labels } }, strategicMerge);
      await this.#client.send(
        'PATCH',
        `/api/v1/nodes/${name}/status`,
        { status: node.status },
        strategicMerge,
      );
    }
    this.#machine.journal.log('kubelet', `Successfully registered node "${name}"`);
  }

  async #renewLease(): Promise<void> {
    const graceMs = machineFault(this.#machine, 'ready').graceMs ?? defaultGraceMs;
    const { signal } = this.#stop;
    while (!signal.aborted) {
      await this.#tolerate('renewing the lease', () => this.#putLease());
      await delay(Math.min(renewMs, graceMs / 4), undefined, { signal }).catch(() => {});
    }
  }

  async #putLease(): Promise<void> {
    const { name } = this.#machine;
    const collection = '/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases';
    const lease = {
      apiVersion: 'coordination.k8s.io/v1',
      kind: 'Lease',
      metadata: { name, namespace: 'kube-node-lease' },
      spec: { holderIdentity: name, leaseDurationSeconds: 40, renewTime: microTimestamp() },
    };
    try {
      await this.#client.send('PUT', `${collection}/${name}`, lease);
    } catch (error) {
      if (!(error instanceof ApiError) || error.code !== 404) throw error;
      await this.#client.send('POST', collection, lease);
    }
    // After a silence that was noticed, the node has to say that it is back.
    if (this.#ready) await this.#recover();
  }

  #ready = false;

  async #recover(): Promise<void> {
    const node = await this.#client.send('GET', `/api/v1/nodes/${this.#machine.name}`);
    const ready = listAt(node, 'status', 'conditions').find((condition) => condition.type === 'Ready');
    if (ready?.status === 'Unknown') await this.#postConditions();
  }

  /** Serves logs and the like to the API server, where there is a certificate to serve with. */
  #serve(): void {
    const { authority: ca, certificate: cert, key } = this.#connection;
    if (ca === undefined || cert === undefined || key === undefined) return;
    const { published, ports } = this.#machine;
    let waiting: Promise<KubeletServer> | undefined;
    // Loaded with the first request: most nodes never serve one.
    published.serve(ports.kubelet, (socket) => {
      waiting ??= import('./pods/kubelet-server.ts').then(({ createKubeletServer }) => {
        this.#server = createKubeletServer(this.#pods, { ca, cert, key });
        return this.#server;
      });
      waiting.then((server) => server.take(socket)).catch(() => socket.destroy());
    });
  }

  /** Follows this node's pods: with the network's one the node is ready, the others run. */
  async #followPods(): Promise<void> {
    const { signal } = this.#stop;
    const selector = `fieldSelector=spec.nodeName%3D${this.#machine.name}`;
    while (!signal.aborted) {
      await this.#tolerate('watching pods', async () => {
        const list = await this.#client.send('GET', `/api/v1/pods?${selector}`);
        const pods = listAt(list, 'items') as KubeObject[];
        this.#pods.reconcile(pods);
        for (const pod of pods) this.#noteNetwork(pod);
        const from = textAt(list, 'metadata', 'resourceVersion');
        const path = `/api/v1/pods?watch=true&${selector}&resourceVersion=${from}`;
        for await (const { type, object } of this.#client.watch(path, signal)) {
          if (type === 'ERROR') return;
          const pod = object as unknown as KubeObject;
          if (type === 'DELETED') this.#pods.lose(pod.metadata.uid ?? '');
          else this.#pods.see(pod);
          this.#noteNetwork(pod);
        }
      });
      await delay(500, undefined, { signal }).catch(() => {});
    }
  }

  #network = false;

  #noteNetwork(pod: KubeObject): void {
    if (this.#network || !pod.metadata.name.startsWith('kube-flannel-ds-')) return;
    this.#network = true;
    void this.#tolerate('becoming ready', async () => {
      // A failure that is rehearsed is tried again, as the kubelet asks its network again.
      while (!this.#ready && !this.#stop.signal.aborted) {
        await this.#becomeReady();
        if (!this.#ready) await delay(500, undefined, { signal: this.#stop.signal });
      }
    });
  }

  async #becomeReady(): Promise<void> {
    const fault = machineFault(this.#machine, 'ready');
    const { rehearsalDirectory, name: node } = this.#machine;
    const { signal } = this.#stop;
    await untilDue(this.#machine.busyUntil, signal);
    const failure = await sufferFault(fault, { rehearsalDirectory, node, signal });
    if (failure !== undefined) {
      this.#machine.journal.log('kubelet', 'Container runtime network not ready: cni plugin not initialized');
      return;
    }
    await this.#postConditions();
    this.#ready = true;
    this.#machine.journal.log('kubelet', 'Node became ready');
  }

  async #postConditions(): Promise<void> {
    const status = { conditions: nodeConditions(true) };
    await this.#client.send(
      'PATCH',
      `/api/v1/nodes/${this.#machine.name}/status`,
      { status },
      strategicMerge,
    );
  }

  /** A kubelet outlives its API server's absence: it logs and tries again. */
  async #tolerate(what: string, action: () => Promise<void>): Promise<void> {
    try {
      await action();
    } catch (error) {
      if (!this.#stop.signal.aborted) {
        this.#machine.journal.log('kubelet', `${timestamp()} error ${what}: ${(error as Error).message}`);
      }
    }
  }
}
