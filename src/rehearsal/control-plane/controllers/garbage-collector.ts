/** What has lost its owner goes with it; an owner that is deleted in the foreground waits for what it owns. */
import { foregroundFinalizer, orphanFinalizer, requestDeletion } from '../../api/deletion.ts';
import { type KubeObject, textAt } from '../../api/objects.ts';
import type { ResourceType } from '../../api/resource-types.ts';
import type { StoredObject } from '../../api/store.ts';
import type { ControllerContext } from '../controllers.ts';
import { observeAll } from './observe.ts';

export function runGarbageCollector(context: ControllerContext): void {
  const { store } = context;
  observeAll(context, ({ type, object, resource }) => {
    const uid = object.metadata.uid ?? '';
    if (type === 'DELETED') {
      for (const dependent of store.dependentsOf(uid)) releaseFrom(dependent, uid);
      for (const owner of ownersOf(object)) finishForeground(owner);
      return;
    }
    const current = store.findByUid(uid);
    if (current === undefined) return;
    if (type === 'ADDED' && hasNoOwnerLeft(current.object)) requestDeletion(store, resource, current.object);
    else if (current.object.metadata.deletionTimestamp !== undefined) proceed(current);
  });

  /** The dependent of an owner that is gone: deleted, unless it has another. */
  function releaseFrom({ type, object }: StoredObject, uid: string): void {
    const others = (object.metadata.ownerReferences ?? []).filter((each) => textAt(each, 'uid') !== uid);
    const living = others.filter((each) => store.findByUid(textAt(each, 'uid')) !== undefined);
    if (living.length === 0) requestDeletion(store, type, object, { propagation: 'Background' });
    else disown(type, object, uid);
  }

  function proceed(stored: StoredObject): void {
    const { type, object } = stored;
    const finalizers = object.metadata.finalizers ?? [];
    if (finalizers.includes(orphanFinalizer)) {
      for (const each of store.dependentsOf(object.metadata.uid)) {
        disown(each.type, each.object, object.metadata.uid ?? '');
      }
      removeFinalizer(type, object, orphanFinalizer);
    } else if (finalizers.includes(foregroundFinalizer)) {
      for (const each of store.dependentsOf(object.metadata.uid)) {
        if (each.object.metadata.deletionTimestamp === undefined) {
          requestDeletion(store, each.type, each.object, { propagation: 'Foreground' });
        }
      }
      finishForeground(object.metadata.uid ?? '');
    }
  }

  function finishForeground(uid: string): void {
    const owner = store.findByUid(uid);
    if (owner === undefined || owner.object.metadata.deletionTimestamp === undefined) return;
    const waits = (owner.object.metadata.finalizers ?? []).includes(foregroundFinalizer);
    if (waits && store.dependentsOf(uid).length === 0) {
      removeFinalizer(owner.type, owner.object, foregroundFinalizer);
    }
  }

  function disown(type: ResourceType, { metadata }: KubeObject, uid: string): void {
    store.modify(type, metadata.name, metadata.namespace, (object) => {
      object.metadata.ownerReferences = (object.metadata.ownerReferences ?? []).filter(
        (each) => textAt(each, 'uid') !== uid,
      );
    });
  }

  function removeFinalizer(type: ResourceType, { metadata }: KubeObject, finalizer: string): void {
    store.modify(type, metadata.name, metadata.namespace, (object) => {
      object.metadata.finalizers = (object.metadata.finalizers ?? []).filter((each) => each !== finalizer);
    });
  }

  function hasNoOwnerLeft({ metadata }: KubeObject): boolean {
    const owners = metadata.ownerReferences ?? [];
    return owners.length > 0 && owners.every((each) => store.findByUid(textAt(each, 'uid')) === undefined);
  }
}

function ownersOf(object: KubeObject): string[] {
  return (object.metadata.ownerReferences ?? []).map((each) => textAt(each, 'uid'));
}
