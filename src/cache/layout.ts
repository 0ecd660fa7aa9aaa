/** Where the cache of releases is, and what lies where in it. */
import { isAbsolute, join } from 'node:path';
import { needHome } from '../files/home.ts';

/** `--cache`, else under XDG_CACHE_HOME, else ~/.cache (XDG base directory specification 0.8). */
export function cacheDirectory(setting: string | undefined, env: NodeJS.ProcessEnv): string {
  if (setting !== undefined) {
    return setting;
  }
  const given = env.XDG_CACHE_HOME ?? '';
  // The specification has relative paths ignored.
  const base = isAbsolute(given) ? given : join(needHome(env, 'the cache of releases', '--cache'), '.cache');
  return join(base, 'unet');
}

export type CachePaths = ReturnType<typeof cachePaths>;

export function cachePaths(directory: string) {
  const version = join(directory, 'v1');
  return {
    directory,
    version,
    /** A directory for each release, named by its checksum: the archive, its facts, and when it was last used. */
    releases: join(version, 'releases'),
    /** What a URL with its tag has turned out to be. */
    sources: join(version, 'sources'),
    /** Who is fetching what. */
    claims: join(version, 'claims'),
    /** What is being written; renamed to `releases` when it is whole. */
    incoming: join(version, 'incoming'),
  };
}
