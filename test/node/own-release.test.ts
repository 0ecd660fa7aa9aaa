import { cpSync, existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { until } from '../process/scratch.ts';
import { AgentPlace } from './agent-process.ts';

const REHEARSAL = join(import.meta.dirname, '../../dist/rehearsal');

/** An agent that is told to take the release that it has at `path`, which is to be the rehearsal release. */
async function told(own: (place: AgentPlace) => string) {
  const place = new AgentPlace();
  const { sha256, bytes } = await place.rehearsal();
  const agent = place.start();
  agent.send(place.spec({ nonce: 'nothing is shared' }));
  await agent.heard('hello');
  const path = own(place);
  agent.send({ type: 'release', sha256, bytes, path: '/nowhere', own: { kind: 'directory', path } });
  return { place, agent, path };
}

async function ended({ place, agent }: Awaited<ReturnType<typeof told>>): Promise<void> {
  agent.endInput();
  await agent.exited;
  await until(() => place.processes().length === 0);
  expect(place.files()).toEqual([]);
}

const copy = ({ directory }: AgentPlace) => {
  const path = join(directory, 'baked');
  cpSync(REHEARSAL, path, { recursive: true });
  return path;
};

describe('the release that a node has itself', () => {
  it('is copied into its own directory, with nothing left beside it', async () => {
    const one = await told(copy);
    await one.agent.step('done', 'stage');
    const own = join(one.place.root, one.place.jobId, 'node-0');
    expect(existsSync(join(own, 'release/Makefile'))).toBe(true);
    expect(existsSync(join(own, 'release.tar'))).toBe(false);
    await ended(one);
  });

  it('is refused when it is not the one that the others have', async () => {
    const one = await told((place) => {
      const path = copy(place);
      writeFileSync(join(path, 'Makefile'), '\n# another one\n', { flag: 'a' });
      return path;
    });
    expect((await one.agent.step('failed', 'stage')).error).toMatchObject({
      code: 'UNET_RELEASE_CHECKSUM',
      message: expect.stringContaining(`the release ${one.path} is not the one that the others have`),
      node: 'node-0',
    });
    await ended(one);
  });

  it('is missed by name when it is not there', async () => {
    const one = await told(({ directory }) => join(directory, 'nope'));
    expect((await one.agent.step('failed', 'stage')).error).toMatchObject({
      code: 'UNET_RELEASE_NOT_FOUND',
      message: `there is no release ${one.path}, and --stage none sends none`,
      remedy: expect.stringContaining('--stage auto'),
    });
    await ended(one);
  });
});
