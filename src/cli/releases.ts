/** `unet releases`: the releases of Usernetes that unet knows to the byte. */
import { readEntry } from '../cache/entry.ts';
import { cacheDirectory, cachePaths } from '../cache/layout.ts';
import { EXIT } from '../errors.ts';
import { tableLines } from '../events/table.ts';
import { DEFAULT_RELEASE, PINS } from '../provision/pins.ts';
import type { CommandModule } from './frame/command.ts';

export const releases: CommandModule = {
  command: 'releases',
  describe: 'the releases of Usernetes that unet knows, and which of them are in the cache',
  group: 'site',
  example: [
    ['unet releases', 'tags for --release; * is the default'],
    ['unet releases --json | jq -r "select(.cached != null) | .tag"', 'those that need no network'],
  ],
  settings: ['cache', 'cacheFrom'],
  json: true,
  async handler({ settings, env, json, out, say }) {
    const own = cachePaths(cacheDirectory(settings.cache, env));
    const site = settings.cacheFrom === undefined ? undefined : cachePaths(settings.cacheFrom);
    const rows = await Promise.all(
      PINS.map(async (pin) => {
        const inSite = site !== undefined && (await readEntry(site, pin.sha256)) !== undefined;
        const inOwn = (await readEntry(own, pin.sha256)) !== undefined;
        const cached = inSite ? 'site' : inOwn ? 'own' : null;
        return { ...pin, cached, default: pin.tag === DEFAULT_RELEASE };
      }),
    );
    if (json) {
      rows.forEach((row) => void out(JSON.stringify(row)));
      return EXIT.done;
    }
    const columns = ['', 'tag', 'kubernetes', 'docker', 'podman', 'nerdctl', 'cgroup', 'cached'].map(
      (title) => ({
        title,
      }),
    );
    const cells = rows.map(({ tag, kubernetes, engines, cgroup, cached, ...row }) => [
      row.default ? '*' : ' ',
      tag,
      kubernetes,
      `≥ ${engines.docker}`,
      `≥ ${engines.podman}`,
      `≥ ${engines.nerdctl}`,
      cgroup,
      cached ?? '-',
    ]);
    tableLines(columns, cells).forEach((line) => void out(line));
    say('* is the default: the newest one that unet was tested with');
    return EXIT.done;
  },
};
