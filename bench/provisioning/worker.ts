/**
 * A process of unet that is there already, as supervisor and agents are: it waits for a line, and then does one thing.
 *
 *     node worker.mjs lead|node OPTIONS-AS-JSON
 */
import { once } from 'node:events';
import { mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import { provisionRelease } from '../../src/provision/provision.ts';
import { parseReleaseReference } from '../../src/provision/reference.ts';
import { stageRelease } from '../../src/provision/stage.ts';
import { createWorkspace } from '../../src/provision/workspace.ts';

const [, , role, text = '{}'] = process.argv;
const options = JSON.parse(text) as Record<string, string>;
const { release = '', cache = '', destination = '', local = '', archive = '' } = options;

process.stdout.write('ready\n');
const [line] = (await once(process.stdin, 'data')) as [Buffer];
if (role === 'lead') {
  const { sha256 } = await provisionRelease(parseReleaseReference(release, '/'), {
    strategy: 'cache',
    cache,
    destination,
    rehearsalDir: '',
    workspace: createWorkspace(async () => local),
    env: { PATH: process.env.PATH ?? '', HOME: local },
    timeoutMs: 60_000,
    signal: new AbortController().signal,
    onNote: () => {},
  });
  process.stdout.write(`${sha256}\n`);
} else {
  mkdirSync(dirname(destination), { recursive: true, mode: 0o700 });
  await stageRelease({ source: archive, sha256: line.toString().trim(), destination });
}
process.exit(0);
