import { cpSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { hasImage, imageId, loadImage, pullImage } from '../../src/engine/images.ts';
import { childEnvironment } from '../../src/process/environment.ts';
import { dockerArchive } from '../pack/image-archives.ts';
import { program, scratch } from '../process/scratch.ts';

const options = { env: childEnvironment(process.env), timeoutMs: 60_000 };
const REHEARSAL = fileURLToPath(new URL('../../dist/rehearsal', import.meta.url));

/** An engine that says `stdout` and `stderr` and exits. */
function engine(code: number, stdout: string, stderr = '') {
  const directory = scratch();
  writeFileSync(join(directory, 'out'), stdout);
  writeFileSync(join(directory, 'err'), stderr);
  const text = `#!/bin/sh\ncd ${directory}; echo "$@" > words; cat out; cat err >&2; exit ${code}\n`;
  return { command: [program(directory, 'engine', text)], directory };
}

describe('an image', () => {
  it.each([
    // podman 4.3.1, docker 20.10, nerdctl 1.7
    [125, 'Error: inspecting object: localhost/x: image not known'],
    [1, 'Error: No such image: x:latest'],
    [1, 'time="2024" level=fatal msg="1 errors:\\nno such image: x"'],
  ])('that is not there is not there (exit %d, %s)', async (code, said) => {
    expect(await hasImage(engine(code, '', said), 'x', options)).toBe(false);
  });

  it('has the id that the engine says, with or without its algorithm', async () => {
    expect(await imageId(engine(0, 'abc\n'), 'x', options)).toBe('sha256:abc');
    expect(await imageId(engine(0, 'sha256:abc\n'), 'x', options)).toBe('sha256:abc');
  });

  it('of an engine that does not work is an error, not "not there"', async () => {
    const broken = engine(125, '', 'Error: cannot connect to the Docker daemon');
    await expect(hasImage(broken, 'x', options)).rejects.toMatchObject({
      code: 'UNET_ENGINE_FAILED',
      details: { tail: ['Error: cannot connect to the Docker daemon'] },
    });
  });

  it.each([
    ['Loaded image: localhost/a:1\nLoaded image: docker.io/b:2\n', ['localhost/a:1', 'docker.io/b:2']],
    ['Loaded image(s): localhost/a:1,docker.io/b:2\n', ['localhost/a:1', 'docker.io/b:2']],
    ['Getting image source signatures\nLoaded image ID: sha256:12\n', ['sha256:12']],
  ])('is loaded from a file, and its names are told: %j', async (said, names) => {
    expect(await loadImage(engine(0, said), '/file', options)).toEqual(names);
  });

  it.each([
    ['payload does not match any of the supported image formats', 'UNET_IMAGE_LOAD', 1],
    ['write /var/lib/x: no space left on device', 'UNET_DISK_FULL', 1],
  ])('that cannot be loaded says why: %s', async (said, code, exitCode) => {
    await expect(loadImage(engine(125, '', said), '/file', options)).rejects.toMatchObject({
      code,
      exitCode,
    });
  });

  it('that cannot be pulled says what to do', async () => {
    await expect(pullImage(engine(125, '', 'no route to host'), 'site/x', options)).rejects.toMatchObject({
      code: 'UNET_IMAGE_MISSING',
      message: expect.stringContaining('the image site/x is not on this node, and could not be pulled'),
      details: { tail: ['no route to host'] },
    });
  });
});

describe("the rehearsal's engine", () => {
  it('loads an archive as podman save writes it, and knows its images then', async () => {
    const directory = scratch();
    const release = join(directory, 'release');
    cpSync(REHEARSAL, release, { recursive: true });
    const rehearsal = { command: [join(release, 'bin/engine')] };
    const archive = join(directory, 'image.tar.gz');
    const [id] = await dockerArchive(archive, { name: 'localhost/node:1' });
    writeFileSync(join(directory, 'manifest.json'), '[]');
    expect(await hasImage(rehearsal, 'localhost/node:1', options)).toBe(false);
    expect(await loadImage(rehearsal, archive, options)).toEqual(['localhost/node:1']);
    expect(await imageId(rehearsal, 'localhost/node:1', options)).toBe(id);
    await expect(loadImage(rehearsal, join(directory, 'manifest.json'), options)).rejects.toMatchObject({
      code: 'UNET_IMAGE_LOAD',
    });
  });
});
