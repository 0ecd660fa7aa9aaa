import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { Engine } from '../../src/engine/engine.ts';
import { removeStorage } from '../../src/engine/remove-storage.ts';
import { makeStorage, runtimeDirectory, whyJobStorage } from '../../src/engine/storage.ts';
import { networkFilesystem } from '../../src/files/network-filesystem.ts';
import { childEnvironment } from '../../src/process/environment.ts';
import { program, scratch } from '../process/scratch.ts';

const env = childEnvironment(process.env);
const options = { env, timeoutMs: 60_000, signal: new AbortController().signal, onLine: () => {} };

/** A podman whose `info` accepts these drivers only. */
function podman(directory: string, drivers: string): Engine {
  const text = `#!/bin/sh\nfor driver in ${drivers}; do\n  grep -q "driver = \\"$driver\\"" "$CONTAINERS_STORAGE_CONF" && { echo $driver; exit 0; }\ndone\necho 'Error: kernel does not support overlay' >&2; exit 125\n`;
  return { name: 'podman', type: 'podman', command: [program(directory, 'podman', text)], compose: [] };
}

describe('storage of a job', () => {
  it("is podman's only, and only where it is asked for or the site's is shared", async () => {
    const engine = podman(scratch(), 'overlay');
    expect(await whyJobStorage('job', engine, env)).toBe('asked for');
    expect(await whyJobStorage('site', engine, env)).toBeUndefined();
    // A directory of this machine's own disk.
    expect(await whyJobStorage('auto', engine, { ...env, XDG_DATA_HOME: scratch() })).toBeUndefined();
    const docker: Engine = { name: 'docker', type: 'docker', command: ['docker'], compose: [] };
    expect(await whyJobStorage('auto', docker, env)).toBeUndefined();
    await expect(whyJobStorage('job', docker, env)).rejects.toMatchObject({ code: 'UNET_OVERRIDE_REFUSED' });
  });

  it.each([
    ['overlay vfs', 'overlay'],
    ['vfs', 'vfs'],
  ])('has the first driver that works, of %s', async (drivers, driver) => {
    const directory = scratch();
    const storage = await makeStorage(podman(directory, drivers), {
      jobId: 'j',
      node: directory,
      directory,
      ...options,
    });
    expect(storage.driver).toBe(driver);
    const conf = readFileSync(storage.variables.CONTAINERS_STORAGE_CONF ?? '', 'utf8');
    expect(conf).toContain(`driver = "${driver}"`);
    expect(conf).toContain(`graphroot = "${directory}/storage/graph"`);
    // unix(7): what podman makes below it has to fit into 108 bytes.
    expect(storage.variables.XDG_RUNTIME_DIR?.length).toBeLessThan(30);
    await removeStorage({
      ...options,
      graph: storage.graph,
      runtime: storage.variables.XDG_RUNTIME_DIR,
      directory,
      command: ['true'],
    });
    expect(existsSync(storage.variables.XDG_RUNTIME_DIR ?? '')).toBe(false);
  });

  it('that podman can do nothing with is an error that names what was tried', async () => {
    const directory = scratch();
    const runtime = runtimeDirectory('j', directory);
    await expect(
      makeStorage(podman(directory, ''), { jobId: 'j', node: directory, directory, ...options }),
    ).rejects.toMatchObject({
      code: 'UNET_ENGINE_FAILED',
      details: { tail: expect.arrayContaining(['vfs: Error: kernel does not support overlay']) },
    });
    await removeStorage({ ...options, runtime, directory, command: ['true'] });
  });

  it('is removed only below its own node', async () => {
    const directory = scratch();
    const foreign = join(scratch(), 'graph');
    mkdirSync(foreign);
    await expect(
      removeStorage({ ...options, graph: foreign, directory, command: ['true'] }),
    ).rejects.toMatchObject({
      code: 'UNET_UNSAFE_PATH',
    });
    expect(existsSync(foreign)).toBe(true);
  });
});

describe('a filesystem', () => {
  it('that is local is none of the network, also for what is not there yet', async () => {
    expect(await networkFilesystem('/proc')).toBeUndefined();
    expect(await networkFilesystem(join(homedir(), 'not', 'there', 'yet'))).toBe(
      await networkFilesystem(homedir()),
    );
  });
});
