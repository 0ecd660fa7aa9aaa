/** Following a list of the Kubernetes API: list, watch, and again from the list when the watch breaks. */

import { setTimeout as sleep } from 'node:timers/promises';
import {
  type KubeConfig,
  type KubernetesListObject,
  type KubernetesObject,
  makeInformer,
} from '@kubernetes/client-node';
import { errorMessage } from '../errors.ts';

const RETRY_MS = 500;

export type FollowOptions<T extends KubernetesObject> = {
  config: KubeConfig;
  /** The path of the list, with its query's selectors given apart. */
  path: string;
  list: () => Promise<KubernetesListObject<T>>;
  labelSelector?: string;
  onObject: (object: T) => void;
  /** The API did not answer; it is asked again. */
  onTrouble: (message: string) => void;
  signal: AbortSignal;
};

/** Calls `onObject` for what is there and for each change, until `signal` aborts. */
export async function follow<T extends KubernetesObject>(options: FollowOptions<T>): Promise<void> {
  const { signal } = options;
  while (!signal.aborted) {
    const informer = makeInformer(options.config, options.path, options.list, options.labelSelector);
    informer.on('add', options.onObject);
    informer.on('update', options.onObject);
    let onAbort = () => {};
    try {
      await new Promise<void>((resolve, reject) => {
        onAbort = resolve;
        signal.addEventListener('abort', onAbort, { once: true });
        informer.on('error', reject);
        informer.start().catch(reject);
      });
    } catch (error) {
      options.onTrouble(errorMessage(error));
      await sleep(RETRY_MS, undefined, { signal }).catch(() => {});
    } finally {
      signal.removeEventListener('abort', onAbort);
      await informer.stop();
    }
  }
}
