import type { ResourceType } from '../../api/resource-types.ts';
import type { Change } from '../../api/store.ts';
import type { ControllerContext } from '../controllers.ts';

/** The same for every kind. */
export function observeAll(
  context: ControllerContext,
  listener: (change: Change) => void | Promise<void>,
): void {
  observe(context, undefined, listener);
}

/**
 * Calls the listener after each change of these kinds, once the change that caused it is published in
 * full; until the controllers stop. What it throws is logged: a controller survives its errors.
 */
export function observe(
  { store, signal, log }: ControllerContext,
  types: readonly ResourceType[] | undefined,
  listener: (change: Change) => void | Promise<void>,
): void {
  const unsubscribe = store.subscribe((change) => {
    if (types !== undefined && !types.includes(change.resource)) return;
    queueMicrotask(async () => {
      try {
        if (!signal.aborted) await listener(change);
      } catch (error) {
        log('kube-controller-manager', String(error));
      }
    });
  });
  signal.addEventListener('abort', unsubscribe, { once: true });
}
