/** Settings: which release, and how it comes to the nodes. */
import * as z from 'zod';
import { list } from '../setting/fields.ts';
import { isMirror } from './mirror.ts';
import { DEFAULT_RELEASE } from './pins.ts';

export const STAGES = ['auto', 'copy', 'archive', 'none'] as const;
export const PROVISION = ['cache', 'clone', 'dir'] as const;

export const provisionSettings = {
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
  cacheFrom: z.string().optional().describe('another user’s cache, read first and never written'),
  mirror: list(
    'FROM=TO, two beginnings of URLs, such as https://github.com/=https://git.site/',
    isMirror,
  ).describe('fetch URLs that begin with FROM from TO instead, as FROM=TO (repeatable)'),
  stage: z
    .enum(STAGES)
    .default('auto')
    .describe('how the release reaches the nodes; none: every node already has it at the same path'),
};

const ProvisionSettings = z.object(provisionSettings);
export type ProvisionSettings = z.infer<typeof ProvisionSettings>;
