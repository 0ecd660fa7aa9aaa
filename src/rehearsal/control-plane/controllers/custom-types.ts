/** Custom resource definitions: the kinds that they add, and their being established. */
import { at, type Fields, type KubeObject, listAt, textAt, timestamp } from '../../api/objects.ts';
import { type ResourceType, resourceTypes, type ScalePaths } from '../../api/resource-types.ts';
import type { ControllerContext } from '../controllers.ts';
import { observe } from './observe.ts';

export function runCustomTypes(context: ControllerContext): void {
  const { store } = context;
  /** By the uid of the definition; a kind keeps its identity while its definition changes. */
  const served = new Map<string, ResourceType[]>();
  observe(context, [resourceTypes.customResourceDefinitions], ({ type, object }) => {
    const uid = object.metadata.uid ?? '';
    const before = served.get(uid) ?? [];
    if (type === 'DELETED') {
      served.delete(uid);
      const stored = before.find((each) => each.storedAs === undefined);
      if (stored !== undefined) {
        for (const { metadata } of store.list(stored))
          store.delete(stored, metadata.name, metadata.namespace);
      }
    } else served.set(uid, typesOf(object, before));
    store.setCustomTypes([...served.values()].flat());
    if (type !== 'DELETED') establish(object);
  });

  function establish(definition: KubeObject): void {
    const names = at(definition, 'spec', 'names') as Fields;
    const { name } = definition.metadata;
    if (store.find(resourceTypes.customResourceDefinitions, name) === undefined) return;
    store.modify(resourceTypes.customResourceDefinitions, name, undefined, (object) => {
      if (listAt(object, 'status', 'conditions').length > 0) return;
      const now = timestamp();
      const met = (type: string, reason: string, message: string) => ({
        type,
        status: 'True',
        reason,
        message,
        lastTransitionTime: now,
      });
      object.status = {
        acceptedNames: names,
        conditions: [
          met('NamesAccepted', 'NoConflicts', 'no conflicts found'),
          met('Established', 'InitialNamesAccepted', 'the initial names have been accepted'),
        ],
        storedVersions: listAt(object, 'spec', 'versions')
          .filter(({ storage }) => storage === true)
          .map(({ name: version }) => version),
      };
    });
  }
}

function typesOf(definition: KubeObject, before: readonly ResourceType[]): ResourceType[] {
  const versions = listAt(definition, 'spec', 'versions').filter(({ served }) => served !== false);
  const storage = versions.find(({ storage: stored }) => stored === true) ?? versions[0];
  if (storage === undefined) return [];
  const stored = typeOf(definition, storage);
  const known = before.find((each) => each.storedAs === undefined);
  const identity = known === undefined ? stored : Object.assign(known, stored);
  const others = versions.filter((each) => each !== storage);
  return [identity, ...others.map((each) => ({ ...typeOf(definition, each), storedAs: identity }))];
}

function typeOf(definition: KubeObject, version: Fields): ResourceType {
  const names = at(definition, 'spec', 'names') as Fields;
  const words = (field: string) => (Array.isArray(names[field]) ? names[field].map(String) : []);
  const kind = textAt(names, 'kind');
  const scale = at(version, 'subresources', 'scale') as Fields | undefined;
  return {
    group: textAt(definition, 'spec', 'group'),
    version: textAt(version, 'name'),
    kind,
    plural: textAt(names, 'plural'),
    singular: textAt(names, 'singular') || kind.toLowerCase(),
    shortNames: words('shortNames'),
    categories: words('categories'),
    namespaced: at(definition, 'spec', 'scope') !== 'Cluster',
    status: at(version, 'subresources', 'status') !== undefined,
    custom: true,
    ...(scale && { scale: scalePaths(scale) }),
  };
}

function scalePaths(scale: Fields): ScalePaths {
  return {
    replicas: textAt(scale, 'specReplicasPath'),
    statusReplicas: textAt(scale, 'statusReplicasPath'),
    selector: textAt(scale, 'labelSelectorPath'),
  };
}
