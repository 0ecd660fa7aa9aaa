/** A controller of objects that own others: it looks at one object at a time, after it or one of its own has changed. */
import type { KubeObject } from '../../api/objects.ts';
import { textAt } from '../../api/objects.ts';
import type { ResourceType } from '../../api/resource-types.ts';
import type { StoredObject } from '../../api/store.ts';
import type { ControllerContext } from '../controllers.ts';

/** How long after a failure (a quota that does not allow a pod, for one) the object is looked at again. */
const RETRY_MS = 1000;

export type Reconciler = {
  type: ResourceType;
  /** Kinds whose changes concern the object that owns them. */
  owned: readonly ResourceType[];
  /** Makes the world as the object wants it. A number returned: look again after that many milliseconds. */
  reconcile: (object: KubeObject, own: readonly StoredObject[]) => number | undefined;
};

/** Runs until the controllers stop. Changes that come together are looked at once. */
export function runReconciler(context: ControllerContext, { type, owned, reconcile }: Reconciler): void {
  const { store, log, signal } = context;
  const waiting = new Set<string>();
  const timers = new Map<string, NodeJS.Timeout>();
  const enqueue = (uid: string) => {
    if (waiting.size === 0) setImmediate(work);
    waiting.add(uid);
  };
  const later = (uid: string, delayMs: number) => {
    clearTimeout(timers.get(uid));
    const timer = setTimeout(() => {
      timers.delete(uid);
      enqueue(uid);
    }, delayMs);
    timers.set(uid, timer.unref());
  };
  const work = () => {
    const uids = [...waiting];
    waiting.clear();
    for (const uid of signal.aborted ? [] : uids) {
      const found = store.findByUid(uid);
      if (found === undefined || found.type !== type) continue;
      try {
        const againMs = reconcile(found.object, store.dependentsOf(uid));
        if (againMs !== undefined) later(uid, againMs);
      } catch (error) {
        log('kube-controller-manager', `${type.kind} ${found.object.metadata.name}: ${String(error)}`);
        later(uid, RETRY_MS);
      }
    }
  };
  const unsubscribe = store.subscribe(({ resource, object }) => {
    if (resource === type) enqueue(object.metadata.uid ?? '');
    else if (owned.includes(resource)) {
      for (const reference of object.metadata.ownerReferences ?? []) enqueue(textAt(reference, 'uid'));
    }
  });
  for (const object of store.list(type)) enqueue(object.metadata.uid ?? '');
  signal.addEventListener(
    'abort',
    () => {
      unsubscribe();
      for (const timer of timers.values()) clearTimeout(timer);
    },
    { once: true },
  );
}
