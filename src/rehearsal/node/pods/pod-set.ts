/** The pods of one node: started when they are assigned, ended when they are deleted. */
import { at, type Fields, type KubeObject, textAt, timestamp } from '../../api/objects.ts';
import { isTerminal } from '../../api/pod-resources.ts';
import { ApiError } from '../api-client.ts';
import { type PodOptions, RunningPod } from './pod.ts';

export type PodSetOptions = Omit<PodOptions, 'pod' | 'event'>;

/** Keeps a process for each pod that the API says is here. */
export class PodSet implements AsyncDisposable {
  private readonly options: PodSetOptions;
  private readonly running = new Map<string, RunningPod>();
  private readonly leaving = new Set<string>();

  constructor(options: PodSetOptions) {
    this.options = options;
  }

  find(namespace: string, name: string): RunningPod | undefined {
    return [...this.running.values()].find(
      ({ pod }) => pod.metadata.name === name && pod.metadata.namespace === namespace,
    );
  }

  /** Takes a pod as the API has it now. */
  see(pod: KubeObject): void {
    const uid = pod.metadata.uid ?? '';
    const known = this.running.get(uid);
    if (pod.metadata.deletionTimestamp !== undefined) this.end(uid, pod);
    else if (known !== undefined) known.pod = pod;
    // What the control plane makes up itself has no scheduler's name, and no process.
    else if (at(pod, 'spec', 'schedulerName') !== undefined && !isTerminal(pod)) {
      this.running.set(uid, new RunningPod({ ...this.options, pod, event: this.event }));
    }
  }

  /** A pod is gone without a grace period. */
  lose(uid: string): void {
    const pod = this.running.get(uid);
    this.running.delete(uid);
    pod?.stop(0).catch(this.options.onTrouble);
  }

  /** All pods that are there now; others have gone meanwhile. */
  reconcile(pods: readonly KubeObject[]): void {
    const present = new Set(pods.map(({ metadata }) => metadata.uid));
    for (const uid of this.running.keys()) if (!present.has(uid)) this.lose(uid);
    for (const pod of pods) this.see(pod);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const pods = [...this.running.values()];
    this.running.clear();
    await Promise.all(pods.map((pod) => pod.stop(0)));
  }

  private end(uid: string, pod: KubeObject): void {
    if (this.leaving.has(uid)) return;
    this.leaving.add(uid);
    const seconds = Number(pod.metadata.deletionGracePeriodSeconds ?? 30);
    void (async () => {
      try {
        await this.running.get(uid)?.stop(seconds);
        this.running.delete(uid);
        await this.confirm(pod);
      } catch (error) {
        this.options.onTrouble(error as Error);
      } finally {
        this.leaving.delete(uid);
      }
    })();
  }

  /** The last word of a kubelet: the pod may go. */
  private async confirm({ metadata }: KubeObject): Promise<void> {
    const body = { gracePeriodSeconds: 0, preconditions: { uid: metadata.uid } };
    await this.options.client
      .send('DELETE', `/api/v1/namespaces/${metadata.namespace}/pods/${metadata.name}`, body)
      .catch((error: unknown) => {
        if (!(error instanceof ApiError && (error.code === 404 || error.code === 409))) throw error;
      });
  }

  private readonly event = (pod: KubeObject, type: string, reason: string, message: string): void => {
    const { name, namespace, uid } = pod.metadata;
    const now = timestamp();
    const event: Fields = {
      metadata: { generateName: `${name}.`, namespace },
      involvedObject: { apiVersion: 'v1', kind: 'Pod', name, namespace, uid },
      type,
      reason,
      message,
      source: { component: 'kubelet', host: textAt(pod, 'spec', 'nodeName') },
      firstTimestamp: now,
      lastTimestamp: now,
      count: 1,
    };
    // An event that is lost (its namespace is going) is no trouble.
    this.options.client.send('POST', `/api/v1/namespaces/${namespace}/events`, event).catch(() => {});
  };
}
