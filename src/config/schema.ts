/** Every setting: its type, default, flag and meaning. The one list from which flags, UNET_* and `unet config` come. */
import * as z from 'zod';
import { isMirror } from '../provision/mirror.ts';
import { DEFAULT_RELEASE } from '../provision/pins.ts';
import { SCHEDULER_NAMES } from '../scheduler/registry.ts';
import { STEP_TIMEOUTS_MS, type TimedStep } from '../steps.ts';
import { ENGINES, JOIN_VIA, OUTPUTS, PACK_VIA, PROVISION, PROXIES, STAGES, STORAGES } from './choices.ts';
import { isDevice, parseMount, parsePublish, parseUlimit, parseVariable } from './container.ts';
import { parseDuration } from './duration.ts';

/** A duration: "90s", "10m", "1h30m" is not one. A bare number is seconds. Milliseconds inside. */
export const Duration = z.union([z.string(), z.number()]).transform((value, context) => {
  const parsed = parseDuration(value);
  if (parsed === undefined) {
    context.addIssue({ code: 'custom', message: 'a duration such as 90s, 10m or 2h' });
    return z.NEVER;
  }
  return parsed;
});

/** A whole number, also as text. Not z.coerce, which takes true, null and [] for numbers. */
function count(max = Number.MAX_SAFE_INTEGER) {
  return z
    .union([
      z.number(),
      z
        .string()
        .regex(/^\d{1,9}$/)
        .transform(Number),
    ])
    .pipe(z.number().int().min(1).max(max));
}

/** Several texts: a repeatable flag, the lines of a variable, a list in a file. `expected` says what one is. */
function list(expected: string, isOne: (text: string) => unknown) {
  const matches = (text: string) => text !== '' && isOne(text) !== undefined && isOne(text) !== false;
  return z.array(z.string().refine(matches, expected)).default([]);
}

const Flag = z.union([
  z.boolean(),
  z.enum(['true', 'false', '1', '0']).transform((v) => v === 'true' || v === '1'),
]);

/**
 * How a setting's text is read, said in help and in complaints. A `path` is made absolute: relative to the
 * file that it stands in, else to the current directory.
 */
export type SettingKind = 'text' | 'path' | 'choice' | 'count' | 'duration' | 'switch' | 'list';

/** Deadlines of single waits, in milliseconds. */
export const StepTimeouts = z.object(
  Object.fromEntries(
    Object.entries(STEP_TIMEOUTS_MS).map(([step, ms]) => [step, Duration.default(ms)]),
  ) as Record<TimedStep, z.ZodDefault<typeof Duration>>,
);
export type StepTimeouts = z.infer<typeof StepTimeouts>;

/**
 * What is parsed here is what people write. It is not idempotent: a parsed duration is a number of milliseconds,
 * and a bare number would be read as seconds. Between processes, pass the parsed value on and do not parse again.
 */
export const Settings = z.object({
  allocation: z
    .enum(['auto', ...SCHEDULER_NAMES])
    .default('auto')
    .describe('which scheduler gave the nodes'),
  nodes: count()
    .optional()
    .describe('use only the first N nodes of the allocation; with local, how many to start'),
  name: z
    .string()
    .regex(/^[a-z0-9]([a-z0-9-]{0,18}[a-z0-9])?$/, '1 to 20 lowercase letters, digits and dashes')
    .default('default')
    .describe('tells several clusters of the local allocation, or of one Flux instance, apart'),
  release: z
    .string()
    .min(1)
    .default(DEFAULT_RELEASE)
    .describe(
      'a tag or commit of Usernetes, "rehearsal", a directory, a tarball, a git URL with #TAG or #COMMIT, a tarball’s URL with #sha256=…',
    ),
  provision: z
    .enum(PROVISION)
    .default('cache')
    .describe(
      'where the release comes from: the cache, a fresh clone for each job, or only what lies in a directory',
    ),
  cache: z.string().optional().describe('directory of the cache of releases'),
  cacheFrom: z.string().optional().describe('a cache of somebody else that is read first, and never written'),
  mirror: list(
    'FROM=TO, two beginnings of URLs, such as https://github.com/=https://git.site/',
    isMirror,
  ).describe('fetch URLs that begin with FROM from TO instead, as FROM=TO (repeatable)'),
  stage: z
    .enum(STAGES)
    .default('auto')
    .describe('how the release reaches the nodes; none: each has it at the same path'),
  pack: z
    .string()
    .optional()
    .describe('offline pack that has the release and its images: no network is used'),
  packVia: z.enum(PACK_VIA).default('auto').describe('how the pack comes to the nodes'),
  packReaders: count(256)
    .default(8)
    .describe('how many nodes read the pack from a shared filesystem at the same time'),
  joinVia: z.enum(JOIN_VIA).default('auto').describe('how the join record travels'),
  engine: z.enum(ENGINES).default('auto').describe('container engine'),
  compose: z.string().optional().describe('compose command given to make as COMPOSE'),
  image: z
    .string()
    .regex(/^[\w][\w.:/@-]*$/, 'a name of an image, such as localhost/node:1.34')
    .optional()
    .describe('node image to use instead of building the one of the release'),
  mount: list('SRC:DST or SRC:DST:ro with absolute paths', parseMount).describe(
    'a directory or file of the host in every node, as SRC:DST[:ro] (repeatable)',
  ),
  publish: list('HOSTPORT:PORT, ADDRESS:HOSTPORT:PORT, with /udp if it is', parsePublish).describe(
    'a further port of every node on its host, as [ADDRESS:]HOSTPORT:PORT[/udp] (repeatable)',
  ),
  device: list('a device such as /dev/fuse or a CDI name such as nvidia.com/gpu=all', isDevice).describe(
    'a device of the host in every node, a path or a CDI name (repeatable)',
  ),
  gpus: z
    .string()
    .regex(/^(all|\d{1,3}(,\d{1,3})*)$/, 'all, or numbers such as 0,1')
    .optional()
    .describe('NVIDIA GPUs for every node: all, or their numbers'),
  ulimit: list('NAME=LIMIT or NAME=SOFT:HARD, such as memlock=unlimited', parseUlimit).describe(
    'a resource limit of every node, as NAME=SOFT[:HARD] (repeatable)',
  ),
  env: list('NAME=VALUE', parseVariable).describe('a variable of every node, as NAME=VALUE (repeatable)'),
  proxy: z
    .enum(PROXIES)
    .default('auto')
    .describe("whether the nodes get the host's proxy variables, with the cluster's own addresses excepted"),
  caCert: list('a path', () => true).describe(
    'a file of CA certificates that every node trusts (repeatable)',
  ),
  stopGrace: Duration.default(10_000).describe('how long a node may take to stop before it is killed'),
  storage: z
    .enum(STORAGES)
    .default('auto')
    .describe("podman's storage: the site's, or one of the job's own (auto: where the site's is shared)"),
  interface: z.string().optional().describe('interface name, CIDR or address for traffic between nodes'),
  jobDir: z.string().optional().describe('parent of the job directory, best on a shared filesystem'),
  nodeDir: z
    .string()
    .optional()
    .describe('parents of the node-local directory, separated by ":"; the first that will do is taken'),
  nodeDirShared: Flag.default(false).describe('let the node-local directory be on a shared filesystem'),
  minNodes: count().optional().describe('how many Ready nodes are enough (default: all)'),
  timeout: Duration.default(900_000).describe('deadline of the whole bring-up'),
  stepTimeouts: StepTimeouts.prefault({}).describe('deadlines of single steps'),
  heartbeat: Duration.default(5_000).describe('interval of the heartbeat between supervisor and agents'),
  silence: Duration.default(30_000).describe('after how much silence the other side counts as lost'),
  joinWindow: count(256).default(32).describe('how many nodes may join at the same time'),
  joinAttempts: count(100).default(5).describe('how often a node tries to join'),
  retain: Flag.default(false).describe('keep everything after a failure, for a look'),
  output: z.enum(OUTPUTS).default('auto').describe('how progress is shown'),
});
export type Settings = z.infer<typeof Settings>;
