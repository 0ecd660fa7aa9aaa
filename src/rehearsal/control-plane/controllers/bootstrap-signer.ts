import { type Fields, textAt } from '../../api/objects.ts';
import { resourceTypes } from '../../api/resource-types.ts';
import { listTokens } from '../bootstrap-token.ts';
import type { ControllerContext } from '../controllers.ts';
import { signClusterInfo } from '../token-signature.ts';
import { observe } from './observe.ts';

/** setTimeout takes no more than this; a longer life is looked at again. */
const longestTimerMs = 2 ** 31 - 1;

/** Bootstrap signer and token cleaner: cluster-info carries one signature per token that is alive. */
export function runBootstrapSigner(context: ControllerContext): void {
  const { store, signal } = context;
  const timers = new Map<string, NodeJS.Timeout>();
  observe(context, [resourceTypes.secrets], ({ object }) => {
    if (object.type !== 'bootstrap.kubernetes.io/token') return;
    scheduleExpiry();
    sign();
  });
  const clear = () => {
    for (const timer of timers.values()) clearTimeout(timer);
  };
  signal.addEventListener('abort', clear, { once: true });

  function sign(): void {
    store.modify(resourceTypes.configMaps, 'cluster-info', 'kube-public', (object) => {
      const kubeconfig = textAt(object, 'data', 'kubeconfig');
      const signatures = listTokens(store).map((token) => [
        `jws-kubeconfig-${token.id}`,
        signClusterInfo(kubeconfig, token),
      ]);
      object.data = { kubeconfig, ...Object.fromEntries(signatures) } satisfies Fields;
    });
  }

  function scheduleExpiry(): void {
    for (const { id, expiration } of listTokens(store)) {
      clearTimeout(timers.get(id));
      if (expiration === '') continue;
      const left = Date.parse(expiration) - Date.now();
      timers.set(
        id,
        setTimeout(() => expire(id, expiration), Math.min(Math.max(left, 0), longestTimerMs)),
      );
    }
  }

  function expire(id: string, expiration: string): void {
    const name = `bootstrap-token-${id}`;
    if (Date.parse(expiration) > Date.now()) scheduleExpiry();
    else if (store.find(resourceTypes.secrets, name, 'kube-system'))
      store.delete(resourceTypes.secrets, name, 'kube-system');
  }
}
