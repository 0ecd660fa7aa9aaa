/** `unet cache`: what is in the cache of releases, putting something into it, and taking it out. */

import { archiveFlaw, type Entry, lastUsed, listEntries, listSources } from '../cache/entry.ts';
import { type CachePaths, cacheDirectory } from '../cache/layout.ts';
import { lookUp } from '../cache/obtain.ts';
import { findCache, openCache } from '../cache/open.ts';
import { prune } from '../cache/prune.ts';
import { EXIT, UnetError } from '../errors.ts';
import { formatBytes } from '../events/format.ts';
import { tableLines } from '../events/table.ts';
import { nodeDirectories } from '../job/node-directory.ts';
import { childEnvironment } from '../process/environment.ts';
import { provisionSettings } from '../provision/from-settings.ts';
import { PINS } from '../provision/pins.ts';
import { parseReleaseReference, type ReleaseReference } from '../provision/reference.ts';
import { wantedOf } from '../provision/wanted.ts';
import { sweepWorkspaces } from '../provision/workspace.ts';
import { durationText, parseDuration } from '../setting/duration.ts';
import type { CommandContext, CommandModule } from './frame/command.ts';

const ACTIONS = ['list', 'add', 'verify', 'prune', 'path'] as const;
type Action = (typeof ACTIONS)[number];

type Args = {
  action: Action;
  release?: string;
  'older-than'?: string;
  keep?: number;
  'dry-run'?: boolean;
};

export const cache: CommandModule<Args> = {
  command: 'cache <action> [release]',
  describe: 'the cache of releases: list, add, verify, prune, path',
  group: 'site',
  example: [
    ['unet cache add gen2-v20250828.0', 'on a login node, for jobs without internet'],
    ["unet cache add 'https://git.site/usernetes#v1'", 'a version of another repository'],
    ['unet cache list --json | jq -r .source', 'one line for each release'],
    ['unet cache prune --older-than 30d --keep 2', 'what was not used for 30 days, but never the last two'],
  ],
  settings: ['cache', 'mirror', 'nodeDir', 'nodeDirShared', 'timeout'],
  json: true,
  positionals: {
    action: { type: 'string', choices: ACTIONS, describe: 'what to do', demandOption: true },
    release: { type: 'string', describe: 'for add, verify and path: as for --release' },
  },
  builder: {
    'older-than': { type: 'string', describe: 'prune: only what was not used for so long, such as 30d' },
    keep: { type: 'number', describe: 'prune: so many of those used last stay' },
    'dry-run': { type: 'boolean', describe: 'prune: only say what would be removed' },
  },
  async handler(context) {
    refuseStrays(context.args);
    return await HANDLERS[context.args.action](context);
  },
};

type Handler = (context: CommandContext<Args>) => Promise<number>;

const HANDLERS: Record<Action, Handler> = { list, add, verify, prune: pruneCache, path };

async function list({ settings, env, json, out, say }: CommandContext<Args>): Promise<number> {
  const directory = cacheDirectory(settings.cache, env);
  const paths = await findCache(directory);
  const entries = paths === undefined ? [] : await listEntries(paths);
  const sources = paths === undefined ? [] : await listSources(paths);
  const rows = await Promise.all(
    entries.map(async (entry) => ({ entry, used: await lastUsed(entry), names: namesOf(entry, sources) })),
  );
  rows.sort((one, other) => other.used.getTime() - one.used.getTime());
  if (json) {
    for (const { entry, used, names } of rows) {
      out(JSON.stringify({ ...shown(entry), names, lastUsed: used.toISOString() }));
    }
    return EXIT.done;
  }
  if (rows.length === 0) {
    say(`the cache ${directory} is empty`);
    return EXIT.done;
  }
  const columns = ['release', 'kubernetes', 'commit', 'checksum', 'size', 'added', 'last used'].map(
    (title) => ({
      title,
    }),
  );
  const cells = rows.map(({ entry, used, names }) => [
    names[0] ?? entry.source,
    pinWith(entry)?.kubernetes ?? '-',
    entry.commit?.slice(0, 12) ?? '-',
    entry.sha256.slice(0, 12),
    formatBytes(entry.bytes),
    entry.added.slice(0, 10),
    used.toISOString().slice(0, 10),
  ]);
  tableLines(columns, cells).forEach((line) => void out(line));
  return EXIT.done;
}

async function add(context: CommandContext<Args>): Promise<number> {
  const { args, settings, env, cwd, signal, json, out, say } = context;
  if (args.release === undefined) {
    throw new UnetError(
      'UNET_USAGE',
      'unet cache add needs a release; "unet releases" shows those that unet knows',
    );
  }
  // Loaded when it is needed: reading archives is a sixth of the program, and all other commands start without it.
  const { addRelease } = await import('../provision/add.ts');
  const { entry, wasThere } = await addRelease(parseReleaseReference(args.release, cwd), {
    ...provisionSettings({ ...settings, provision: 'cache' }, (message) => say(`unet: ${message}`)),
    rehearsalDir: '',
    env: childEnvironment(env),
    timeoutMs: settings.timeout,
    signal,
  });
  if (json) {
    out(JSON.stringify({ ...shown(entry), wasThere }));
  } else {
    const tag = pinWith(entry)?.tag;
    const known = tag === undefined ? `use it with --release ${useOf(entry, args.release)}` : `it is ${tag}`;
    say(
      `${entry.source} ${wasThere ? 'was in the cache already, and is whole' : 'is in the cache'}; ${known}`,
    );
    out(entry.file);
  }
  return EXIT.done;
}

async function verify({
  args,
  settings,
  env,
  cwd,
  signal,
  json,
  out,
  say,
}: CommandContext<Args>): Promise<number> {
  const directory = cacheDirectory(settings.cache, env);
  const paths = await findCache(directory);
  const entries =
    paths === undefined
      ? []
      : args.release === undefined
        ? await listEntries(paths)
        : [await found(paths, args.release, cwd)];
  let damaged = 0;
  for (const entry of entries) {
    const flaw = await archiveFlaw(entry.file, entry.sha256, signal);
    damaged += flaw === undefined ? 0 : 1;
    out(
      json
        ? JSON.stringify({
            ...shown(entry),
            good: flaw === undefined,
            ...(flaw === undefined ? {} : { flaw }),
          })
        : `${entry.sha256.slice(0, 12)}  ${flaw === undefined ? 'good' : `damaged: ${flaw}`}  ${pinWith(entry)?.tag ?? entry.source}`,
    );
  }
  if (!json) {
    say(
      damaged === 0
        ? `${entries.length} ${entries.length === 1 ? 'release is' : 'releases are'} what the checksum says`
        : `${damaged} of ${entries.length} are damaged: "unet cache add" again replaces one, and so does its next use`,
    );
  }
  return damaged === 0 ? EXIT.done : EXIT.failed;
}

async function pruneCache({ args, settings, env, json, out, say }: CommandContext<Args>): Promise<number> {
  const olderThanMs = olderThan(args['older-than']);
  const dryRun = args['dry-run'] === true;
  if (args.keep !== undefined && (!Number.isInteger(args.keep) || args.keep < 0)) {
    throw new UnetError('UNET_USAGE', `--keep ${args.keep} is not a whole number from 0`);
  }
  const opened = await openCache(cacheDirectory(settings.cache, env));
  const { entries, leftOvers } = await prune(opened, { olderThanMs, keep: args.keep, dryRun });
  const workspaces = dryRun
    ? 0
    : (await Promise.all(nodeDirectories(settings.nodeDir).map(sweepWorkspaces))).reduce(
        (sum, n) => sum + n,
        0,
      );
  for (const entry of entries) {
    const text = `${entry.sha256.slice(0, 12)}  ${pinWith(entry)?.tag ?? entry.source}`;
    out(json ? JSON.stringify({ ...shown(entry), removed: !dryRun }) : text);
  }
  if (!json) {
    const verb = dryRun ? 'would be removed' : 'removed';
    say(
      `${entries.length} ${entries.length === 1 ? 'release' : 'releases'} ${verb}, ${leftOvers + workspaces} left-overs of killed processes ${verb}`,
    );
    if (olderThanMs === undefined && args.keep === undefined) {
      say('name what to remove: --older-than 30d, --keep 2, or both');
    }
  }
  return EXIT.done;
}

async function path({ args, settings, env, cwd, json, out }: CommandContext<Args>): Promise<number> {
  const directory = cacheDirectory(settings.cache, env);
  const paths = await findCache(directory);
  const file =
    args.release === undefined
      ? directory
      : paths === undefined
        ? notThere(args.release, directory)
        : (await found(paths, args.release, cwd)).file;
  out(json ? JSON.stringify({ path: file }) : file);
  return EXIT.done;
}

async function found(paths: CachePaths, release: string, cwd: string): Promise<Entry> {
  const reference: ReleaseReference = parseReleaseReference(release, cwd);
  if (reference.kind === 'cached') {
    return (await listEntries(paths, reference.sha256))[0] ?? notThere(release, paths.directory);
  }
  if (reference.kind !== 'git' && reference.kind !== 'download') {
    throw new UnetError('UNET_USAGE', `${release} lies on this machine, and is not taken from the cache`);
  }
  return (await lookUp(paths, wantedOf(reference))) ?? notThere(release, paths.directory);
}

function notThere(release: string, directory: string): never {
  throw new UnetError('UNET_RELEASE_NOT_FOUND', `${release} is not in the cache ${directory}`, {
    exitCode: EXIT.failed,
    remedy: `unet cache add ${release}`,
  });
}

function shown({ sha256, bytes, source, commit, added, file, ...rest }: Entry) {
  const pin = pinWith({ sha256 });
  return {
    sha256,
    source,
    commit: commit ?? pin?.commit,
    tag: pin?.tag,
    kubernetes: pin?.kubernetes,
    bytes,
    added,
    directory: rest.directory,
    file,
  };
}

/** A release by all the names under which it can be asked for. */
function namesOf(entry: Entry, sources: readonly { source: string; sha256: string }[]): string[] {
  const tag = pinWith(entry)?.tag;
  const known = sources.filter(({ sha256 }) => sha256 === entry.sha256).map(({ source }) => source);
  return [...(tag === undefined ? [] : [tag]), ...known];
}

function pinWith({ sha256 }: Pick<Entry, 'sha256'>) {
  return PINS.find((pin) => pin.sha256 === sha256);
}

/** What is only a path now is asked for by its checksum. */
function useOf(entry: Entry, release: string): string {
  return /^([a-z]+:\/\/|[\w.-]+@)|#/.test(release) ? release : `sha256:${entry.sha256.slice(0, 12)}`;
}

function olderThan(text: string | undefined): number | undefined {
  if (text === undefined) {
    return undefined;
  }
  // A bare number would be seconds, which nobody means here.
  const isNumber = /^[\d.]+$/.test(text.trim());
  const parsed = isNumber ? undefined : parseDuration(text, { maxMs: Number.MAX_SAFE_INTEGER });
  if (parsed === undefined) {
    throw new UnetError(
      'UNET_USAGE',
      `--older-than "${text}" is not a duration such as 12h or ${durationText(86_400_000)}`,
    );
  }
  return parsed;
}

/** Flags of one action mean nothing to another. */
function refuseStrays(args: Args): void {
  const strays = (['older-than', 'keep', 'dry-run'] as const).filter(
    (name) => args[name] !== undefined && args[name] !== false,
  );
  if (args.action !== 'prune' && strays.length > 0) {
    throw new UnetError('UNET_USAGE', `--${strays[0]} is for unet cache prune, not for ${args.action}`);
  }
  if (['list', 'prune'].includes(args.action) && args.release !== undefined) {
    throw new UnetError(
      'UNET_USAGE',
      `unet cache ${args.action} takes no release; unexpected ${args.release}`,
    );
  }
}
