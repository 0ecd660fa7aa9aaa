import { spawn } from 'node:child_process';
import { chownSync, existsSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { type NodeRecord, readNodeRecord, recordedNodes, writeNodeRecord } from '../../src/node/record.ts';
import { teardown } from '../../src/node/teardown.ts';
import { childEnvironment } from '../../src/process/environment.ts';
import { isAlive, program, scratch } from '../process/scratch.ts';

/** A node's directory with a release whose down-v does what `recipe` says. */
async function node(recipe: string, changes: Partial<NodeRecord> = {}) {
  const place = scratch();
  const root = join(place, 'unet-0');
  const directory = join(root, 'slurm-42', 'n1');
  const stage = join(directory, 'release');
  mkdirSync(stage, { recursive: true, mode: 0o700 });
  writeFileSync(join(stage, 'Makefile'), `down-v:\n\t@${recipe}\n`);
  const record: NodeRecord = {
    version: 1,
    jobId: 'slurm-42',
    node: 'n1',
    pid: 1,
    stage,
    up: true,
    variables: { NODE_NAME: 'u7s-n1', MARK: join(place, 'mark') },
    ...changes,
  };
  await writeNodeRecord(directory, record);
  const tearDown = () =>
    teardown({ directory, root, env: childEnvironment(process.env), timeoutMs: 30_000, onLine: () => {} });
  return { place, root, directory, stage, tearDown, mark: join(place, 'mark') };
}

describe('the teardown of a node', () => {
  it('runs down-v with the variables of its bring-up, and leaves nothing', async () => {
    const { root, tearDown, mark } = await node('echo $(NODE_NAME) > $(MARK)');
    await tearDown();
    expect(readFileSync(mark, 'utf8')).toBe('u7s-n1\n');
    expect(existsSync(root)).toBe(false);
  });

  it('runs nothing when nothing was started', async () => {
    const { root, tearDown, mark } = await node('touch $(MARK)', { up: false });
    await tearDown();
    expect(existsSync(mark)).toBe(false);
    expect(existsSync(root)).toBe(false);
  });

  it('ends the daemons that a target of make has left, wherever they work, and no others', async () => {
    const { tearDown, place, stage } = await node(
      '(cd / && setsid sleep 600 > /dev/null 2>&1 & echo $$! > $(MARK))',
    );
    const other = spawn('sleep', ['600'], { env: { UNET_NODE_STAGE: `${stage}-2`, PLACE: place } });
    await tearDown();
    expect(isAlive(Number(readFileSync(join(place, 'mark'), 'utf8')))).toBe(false);
    expect(isAlive(other.pid ?? 0)).toBe(true);
  });

  it('can be repeated', async () => {
    const { tearDown } = await node('true');
    await tearDown();
    await tearDown();
  });

  it("leaves another job's node alone", async () => {
    const { root, tearDown } = await node('true');
    mkdirSync(join(root, 'slurm-43', 'n1'), { recursive: true });
    await tearDown();
    expect(existsSync(join(root, 'slurm-42'))).toBe(false);
    expect(existsSync(join(root, 'slurm-43', 'n1'))).toBe(true);
  });

  it('keeps what a second try needs when the containers cannot be removed, and says how', async () => {
    const { directory, stage, tearDown } = await node('echo the engine does not answer >&2; exit 1');
    await expect(tearDown()).rejects.toMatchObject({
      code: 'UNET_TEARDOWN_INCOMPLETE',
      details: {
        node: 'n1',
        tail: expect.arrayContaining(['the engine does not answer']),
        remedy: expect.stringContaining('unet down'),
      },
    });
    expect(await readNodeRecord(directory)).toMatchObject({ node: 'n1' });
    writeFileSync(join(stage, 'Makefile'), 'down-v:\n\t@true\n');
    await tearDown();
    expect(existsSync(directory)).toBe(false);
  });

  it.each([
    ['is half a record', '{"half'],
    ['is another file’s content', '["what"]'],
    ['is empty', ''],
  ])('takes the container down whose record %s', async (_, text) => {
    const { root, place, directory, stage, tearDown, mark } = await node(
      `echo "$$COMPOSE_PROJECT_NAME" > ${'$'}(CURDIR)/../../../../mark`,
    );
    mkdirSync(join(stage, 'Makefile.d'));
    // A release that brings its own engine, as the rehearsal does.
    program(
      join(stage, 'Makefile.d'),
      'detect-container-engine.sh',
      '#!/bin/sh\nprintf "CONTAINER_ENGINE=own\\nCONTAINER_ENGINE_TYPE=rehearsal\\nCOMPOSE=true\\nENGINE_COMMAND=true\\n"\n',
    );
    writeFileSync(join(directory, 'node.json'), text);
    await tearDown();
    expect(readFileSync(mark, 'utf8')).toBe('unet-slurm-42-n1\n');
    expect(existsSync(root)).toBe(false);
    expect(existsSync(place)).toBe(true);
  });

  it('removes a directory that has neither a record nor a release', async () => {
    const { root, directory, stage, tearDown } = await node('true');
    rmSync(stage, { recursive: true });
    writeFileSync(join(directory, 'node.json'), '{"half');
    await tearDown();
    expect(existsSync(root)).toBe(false);
  });
});

describe("a node's directory that somebody else could have prepared", () => {
  it('is not followed through a symbolic link', async () => {
    const { place, directory, mark } = await node('touch $(MARK)');
    const link = join(place, 'link');
    symlinkSync(directory, link);
    await expect(
      teardown({
        directory: link,
        root: place,
        env: childEnvironment(process.env),
        timeoutMs: 30_000,
        onLine: () => {},
      }),
    ).rejects.toMatchObject({ code: 'UNET_UNSAFE_PATH' });
    expect(existsSync(mark)).toBe(false);
    expect(existsSync(directory)).toBe(true);
  });

  it.skipIf(process.getuid?.() !== 0)('of another owner has nothing of it run', async () => {
    const { root, directory, tearDown, mark } = await node('touch $(MARK)');
    chownSync(root, 54_321, 54_321);
    await expect(tearDown()).rejects.toMatchObject({ code: 'UNET_UNSAFE_PATH' });
    expect(existsSync(mark)).toBe(false);
    expect(existsSync(directory)).toBe(true);
  });

  it.skipIf(process.getuid?.() !== 0)('with a record of another owner has nothing of it run', async () => {
    const { directory, tearDown, mark } = await node('touch $(MARK)');
    chownSync(join(directory, 'node.json'), 54_321, 54_321);
    await expect(tearDown()).rejects.toMatchObject({ code: 'UNET_UNSAFE_PATH' });
    expect(existsSync(mark)).toBe(false);
  });
});

describe('the nodes of a job on this host', () => {
  it('are those that left a directory', async () => {
    const root = scratch();
    for (const name of ['node-0', 'control', '.control']) {
      mkdirSync(join(root, name));
    }
    writeFileSync(join(root, 'file'), '');
    expect((await recordedNodes(root)).sort()).toEqual(['control', 'node-0']);
    expect(await recordedNodes(join(root, 'none'))).toEqual([]);
  });
});
