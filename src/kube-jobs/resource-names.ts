/** Resources by the names that people type: `pods`, `po`, `Pod`, `routes.route.openshift.io`. */
import type { HttpClient } from '../cluster/http.ts';
import { didYouMean } from '../config/suggest.ts';
import { UnetError } from '../errors.ts';
import { isJsonObject, type JsonObject, objectsIn } from './object.ts';

export type NamedResource = { path: (namespace: string, name?: string) => string; namespaced: boolean };

/** @throws UnetError UNET_USAGE with the nearest name; ClusterError */
export async function resourceByName(
  http: HttpClient,
  name: string,
  signal: AbortSignal,
): Promise<NamedResource> {
  const ask = async (path: string) =>
    (await http.send({ method: 'GET', path, what: 'ask for the resources', signal })) as JsonObject;
  const groups = objectsIn((await ask('/apis')).groups).flatMap(({ preferredVersion }) =>
    isJsonObject(preferredVersion) ? [`/apis/${preferredVersion.groupVersion}`] : [],
  );
  const all = await Promise.all(
    ['/api/v1', ...groups].map(async (base) => {
      // A group whose own server is down must not hide the others.
      const { resources } = await ask(base).catch((error: unknown) => {
        if (base === '/api/v1') {
          throw error;
        }
        return {} as JsonObject;
      });
      return objectsIn(resources).map((resource) => ({ base, resource }));
    }),
  );
  const found = all.flat().filter(({ resource }) => !String(resource.name).includes('/'));
  const wanted = name.toLowerCase();
  const match = found.find(({ base, resource }) => namesOf(base, resource).includes(wanted));
  if (match === undefined) {
    const hint = didYouMean(
      wanted,
      found.map(({ resource }) => String(resource.name)),
    );
    throw new UnetError('UNET_USAGE', `the cluster has no resource ${name}${hint}`);
  }
  const { base, resource } = match;
  const namespaced = resource.namespaced === true;
  return {
    namespaced,
    path: (namespace, one) =>
      [
        base,
        ...(namespaced ? ['namespaces', encodeURIComponent(namespace)] : []),
        String(resource.name),
        ...(one === undefined ? [] : [encodeURIComponent(one)]),
      ].join('/'),
  };
}

function namesOf(base: string, { name, singularName, kind, shortNames }: JsonObject): string[] {
  const [, , group] = base.split('/');
  const own = [name, singularName, String(kind).toLowerCase()].map(String).filter((one) => one !== '');
  const short = Array.isArray(shortNames) ? shortNames.map(String) : [];
  return [...own, ...short, ...(base.startsWith('/apis/') ? own.map((one) => `${one}.${group}`) : [])];
}
