import { setTimeout as delay } from 'node:timers/promises';
import { type Fields, listAt, microTimestamp, textAt, timestamp } from '../api/objects.ts';
import { sufferFault, untilDue } from '../faults/apply.ts';
import { ApiClient, type ApiClientOptions, ApiError } from './api-client.ts';
import { type Machine, machineFault } from './machine.ts';
import { nodeConditions, nodeObject } from './node-object.ts';

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

  constructor(machine: Machine, connection: ApiClientOptions, controlPlane: boolean) {
    this.#machine = machine;
    this.#client = new ApiClient(connection);
    this.#controlPlane = controlPlane;
  }

  /** Registers the node, then goes on in the background until it is disposed. @throws ApiError */
  async start(): Promise<void> {
    await this.#register();
    void this.#renewLease();
    void this.#reportReadiness();
  }

  [Symbol.dispose](): void {
    this.#stop.abort();
    this.#client[Symbol.dispose]();
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

  /** Watches this node's pods: with the network's one, the node is ready. */
  async #reportReadiness(): Promise<void> {
    const { signal } = this.#stop;
    const path = `/api/v1/pods?watch=true&fieldSelector=spec.nodeName%3D${this.#machine.name}`;
    while (!signal.aborted && !this.#ready) {
      await this.#tolerate('watching pods', async () => {
        for await (const { object } of this.#client.watch(path, signal)) {
          if (!textAt(object, 'metadata', 'name').startsWith('kube-flannel-ds-')) continue;
          await this.#becomeReady();
          return;
        }
      });
      if (!this.#ready) await delay(500, undefined, { signal }).catch(() => {});
    }
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
