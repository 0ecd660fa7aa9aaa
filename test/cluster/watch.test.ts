import { expect, test } from 'vitest';
import { openKubernetes } from '../../src/cluster/kubernetes/connect.ts';
import { resourceTypes } from '../../src/rehearsal/api/resource-types.ts';
import { RehearsedApi } from '../kubernetes/api.ts';

const kind = { apiVersion: 'v1', kind: 'ConfigMap', namespace: 'default' };
const add = (api: RehearsedApi, name: string) =>
  api.plane.store.create(resourceTypes.configMaps, { metadata: { name, namespace: 'default' }, data: {} });

async function connected(api: RehearsedApi) {
  const cluster = api.config.getCurrentCluster();
  const user = api.config.getCurrentUser();
  return openKubernetes(
    {
      auth: 'certificate',
      endpoint: new URL(cluster?.server ?? '').host,
      ca: cluster?.caData,
      certificate: user?.certData,
      key: user?.keyData,
    },
    { warn: () => {} },
  );
}

test('a watch misses nothing when its connection is cut in the middle, and tells nothing twice', async () => {
  const api = await RehearsedApi.start();
  await using context = await connected(api);
  const { resourceVersion } = await context.objects.listWithVersion(kind);
  const seen: string[] = [];
  add(api, 'one');
  for await (const { object } of context.objects.watch(kind, { resourceVersion })) {
    seen.push(object.metadata.name);
    if (object.metadata.name === 'one') {
      await api.stop();
      add(api, 'two');
      await api.restart();
    }
    if (object.metadata.name === 'two') break;
  }
  expect(seen).toEqual(['one', 'two']);
});

test('after 410 Gone a watch lists anew, and says what has gone meanwhile', async () => {
  const api = await RehearsedApi.start();
  await using context = await connected(api);
  add(api, 'first');
  add(api, 'second');
  const seen: string[] = [];
  for await (const { type, object } of context.objects.watch(kind)) {
    if (object.metadata.name === 'kube-root-ca.crt') continue;
    seen.push(`${type} ${object.metadata.name}`);
    if (seen.length === 2) {
      await api.stop();
      api.plane.store.delete(resourceTypes.configMaps, 'first', 'default');
      add(api, 'third');
      api.plane.store.compact();
      await api.restart();
    }
    if (object.metadata.name === 'third') break;
  }
  expect(seen).toEqual(['ADDED first', 'ADDED second', 'DELETED first', 'ADDED third']);
});

test('a list comes in pages, each object once', async () => {
  const api = await RehearsedApi.start();
  await using context = await connected(api);
  const names = Array.from({ length: 25 }, (_, i) => `m${String(i).padStart(2, '0')}`);
  for (const name of names) add(api, name);
  const before = context.http.count();
  const list = await context.objects.list(kind, { limit: 10 });
  expect(list.map(({ metadata }) => metadata.name).filter((name) => name.startsWith('m'))).toEqual(names);
  expect(context.http.count() - before).toBe(3);
});
