/** The kinds that a server knows, and how each is called in a path. */
import { didYouMean } from '../../config/suggest.ts';
import { UnetError } from '../../errors.ts';
import { isJsonObject, type JsonObject } from '../object.ts';
import { ApiError, type Connection } from './connection.ts';

export type Resource = {
  apiVersion: string;
  kind: string;
  /** `deployments`, as it stands in paths. */
  plural: string;
  singular: string;
  shortNames: string[];
  namespaced: boolean;
};

/** Discovery, asked once for each group and version, and again for a kind that was not there. */
export class Resources {
  private readonly connection: Connection;
  private readonly known = new Map<string, Promise<Resource[]>>();

  constructor(connection: Connection) {
    this.connection = connection;
  }

  /** Undefined: the server has no such kind. */
  async byKind(apiVersion: string, kind: string, signal: AbortSignal): Promise<Resource | undefined> {
    const find = async () => (await this.of(apiVersion, signal)).find((resource) => resource.kind === kind);
    const found = await find();
    if (found !== undefined) {
      return found;
    }
    this.known.delete(apiVersion);
    return await find();
  }

  /**
   * By what people write: `pods`, `po`, `Pod`, `routes.route.openshift.io`.
   *
   * @throws UnetError UNET_USAGE with the nearest name
   */
  async byName(name: string, signal: AbortSignal): Promise<Resource> {
    const all = await this.all(signal);
    const wanted = name.toLowerCase();
    const found = all.find((resource) => namesOf(resource).includes(wanted));
    if (found === undefined) {
      const hint = didYouMean(
        wanted,
        all.map(({ plural }) => plural),
      );
      throw new UnetError('UNET_USAGE', `the cluster has no resource ${name}${hint}`);
    }
    return found;
  }

  private async all(signal: AbortSignal): Promise<Resource[]> {
    const groups = await this.connection.json('/apis', { signal });
    const preferred = (Array.isArray(groups.groups) ? groups.groups : []).flatMap((group) =>
      isJsonObject(group) && isJsonObject(group.preferredVersion)
        ? [String(group.preferredVersion.groupVersion)]
        : [],
    );
    const lists = await Promise.all(
      // A group whose own server is down must not hide the others.
      ['v1', ...preferred].map((version) => this.of(version, signal).catch((): Resource[] => [])),
    );
    return lists.flat();
  }

  private of(apiVersion: string, signal: AbortSignal): Promise<Resource[]> {
    const asked = this.known.get(apiVersion) ?? this.ask(apiVersion, signal);
    this.known.set(apiVersion, asked);
    asked.catch(() => this.known.delete(apiVersion));
    return asked;
  }

  private async ask(apiVersion: string, signal: AbortSignal): Promise<Resource[]> {
    try {
      const list = await this.connection.json(groupPath(apiVersion), { signal });
      return (Array.isArray(list.resources) ? list.resources : [])
        .filter(isJsonObject)
        .filter(({ name }) => typeof name === 'string' && !name.includes('/'))
        .map((resource) => readResource(apiVersion, resource));
    } catch (error) {
      if (error instanceof ApiError && error.status === 404) {
        return [];
      }
      throw error;
    }
  }
}

/** `/api/v1`, `/apis/apps/v1`. */
export function groupPath(apiVersion: string): string {
  return apiVersion.includes('/') ? `/apis/${apiVersion}` : `/api/${apiVersion}`;
}

function readResource(apiVersion: string, resource: JsonObject): Resource {
  return {
    apiVersion,
    kind: String(resource.kind),
    plural: String(resource.name),
    singular: String(resource.singularName ?? ''),
    shortNames: Array.isArray(resource.shortNames) ? resource.shortNames.map(String) : [],
    namespaced: resource.namespaced === true,
  };
}

function namesOf({ apiVersion, kind, plural, singular, shortNames }: Resource): string[] {
  const group = apiVersion.includes('/') ? apiVersion.split('/')[0] : '';
  const names = [plural, singular, kind.toLowerCase(), ...shortNames].filter((name) => name !== '');
  return group === '' ? names : [...names, ...[plural, singular].map((name) => `${name}.${group}`)];
}
