/** Settings: the container engine and the nodes’ containers. */
import * as z from 'zod';
import { Duration, list } from '../setting/fields.ts';
import { isDevice, parseMount, parsePublish, parseUlimit, parseVariable } from './container-texts.ts';

export const ENGINES = ['auto', 'docker', 'podman', 'nerdctl'] as const;
export const STORAGES = ['auto', 'site', 'job'] as const;
export const PROXIES = ['auto', 'none'] as const;

export const engineSettings = {
  engine: z.enum(ENGINES).default('auto').describe('container engine'),
  compose: z.string().optional().describe('compose command given to make as COMPOSE'),
  image: z
    .string()
    .regex(/^[\w][\w.:/@-]*$/, 'a name of an image, such as localhost/node:1.34')
    .optional()
    .describe('node image to use instead of building the one of the release'),
  mount: list('SRC:DST or SRC:DST:ro with absolute paths', parseMount).describe(
    'mount a directory or file of the host in every node, as SRC:DST[:ro] (repeatable)',
  ),
  publish: list('HOSTPORT:PORT, ADDRESS:HOSTPORT:PORT, with /udp if it is', parsePublish).describe(
    'publish another port of every node on its host, as [ADDRESS:]HOSTPORT:PORT[/udp] (repeatable)',
  ),
  device: list('a device such as /dev/fuse or a CDI name such as nvidia.com/gpu=all', isDevice).describe(
    'add a host device to every node: a path or a CDI name (repeatable)',
  ),
  gpus: z
    .string()
    .regex(/^(all|\d{1,3}(,\d{1,3})*)$/, 'all, or numbers such as 0,1')
    .optional()
    .describe('NVIDIA GPUs for every node: all, or their numbers'),
  ulimit: list('NAME=LIMIT or NAME=SOFT:HARD, such as memlock=unlimited', parseUlimit).describe(
    'a resource limit of every node, as NAME=SOFT[:HARD] (repeatable)',
  ),
  env: list('NAME=VALUE', parseVariable).describe('set a variable in every node, as NAME=VALUE (repeatable)'),
  proxy: z
    .enum(PROXIES)
    .default('auto')
    .describe('whether the nodes get the host’s proxy variables; the cluster’s own addresses are excepted'),
  caCert: list('a path', () => true).describe(
    'a file of CA certificates that every node trusts (repeatable)',
  ),
  stopGrace: Duration.default(10_000).describe('how long a node may take to stop before it is killed'),
  storage: z
    .enum(STORAGES)
    .default('auto')
    .describe("podman's storage: the site's, or one of the job's own (auto: where the site's is shared)"),
};

const EngineSettings = z.object(engineSettings);
export type EngineSettings = z.infer<typeof EngineSettings>;
