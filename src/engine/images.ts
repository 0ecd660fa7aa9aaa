/** Images in an engine's own storage: is one there, get it there from a file or a registry. */
import { UnetError } from '../errors.ts';
import type { Environment } from '../process/environment.ts';
import { describeEnd, lastLines, type RunResult, run } from '../process/run.ts';
import type { Engine } from './engine.ts';

export type ImageOptions = {
  env: Environment;
  timeoutMs: number;
  signal?: AbortSignal | undefined;
  onLine?: ((line: string) => void) | undefined;
};

/** What engines say of an image that they do not have. */
const UNKNOWN = /no such image|image not known|not found|no image found|unable to find/i;

/** Whether the engine has the image, by name or id. */
export async function hasImage(
  engine: Pick<Engine, 'command'>,
  name: string,
  options: ImageOptions,
): Promise<boolean> {
  return (await imageId(engine, name, options)) !== undefined;
}

/**
 * The id (`sha256:…`) of the image that the engine has under this name; undefined when it has none.
 *
 * @throws UnetError UNET_ENGINE_FAILED when the engine does not answer.
 */
export async function imageId(
  engine: Pick<Engine, 'command'>,
  name: string,
  options: ImageOptions,
): Promise<string | undefined> {
  const argv = [...engine.command, 'image', 'inspect', '--format', '{{.Id}}', name];
  const result = await run(argv, runOptions(options));
  if (result.exitCode === 0) {
    const id = result.stdout.trim().split('\n', 1)[0] ?? '';
    return id.startsWith('sha256:') ? id : `sha256:${id}`;
  }
  options.signal?.throwIfAborted();
  if (!result.timedOut && UNKNOWN.test(result.stderr)) {
    return undefined;
  }
  throw engineFailure(argv, result, options.timeoutMs);
}

/**
 * Loads an archive of images, as `docker save` and `podman save` write them (also compressed), and returns the names
 * that came with it. Layers that are there are passed over by the engine.
 *
 * @throws UnetError UNET_IMAGE_LOAD, UNET_DISK_FULL.
 */
export async function loadImage(
  engine: Pick<Engine, 'command'>,
  file: string,
  options: ImageOptions,
): Promise<string[]> {
  const argv = [...engine.command, 'load', '-i', file];
  const result = await run(argv, runOptions(options));
  options.signal?.throwIfAborted();
  if (result.exitCode !== 0) {
    throw storageFailure('UNET_IMAGE_LOAD', `${file} could not be loaded`, argv, result, options);
  }
  return loadedNames(result.stdout);
}

/** Writes the image to `file`, an archive that `loadImage` takes. @throws UnetError UNET_ENGINE_FAILED, UNET_DISK_FULL. */
export async function saveImage(
  engine: Pick<Engine, 'command'>,
  name: string,
  file: string,
  options: ImageOptions,
): Promise<void> {
  const argv = [...engine.command, 'save', '-o', file, name];
  const result = await run(argv, runOptions(options));
  options.signal?.throwIfAborted();
  if (result.exitCode !== 0) {
    throw storageFailure('UNET_ENGINE_FAILED', `${name} could not be saved`, argv, result, options);
  }
}

/** @throws UnetError UNET_IMAGE_MISSING when it cannot be had, UNET_DISK_FULL. */
export async function pullImage(
  engine: Pick<Engine, 'command'>,
  name: string,
  options: ImageOptions,
): Promise<void> {
  const argv = [...engine.command, 'pull', name];
  const result = await run(argv, runOptions(options));
  options.signal?.throwIfAborted();
  if (result.exitCode !== 0) {
    const message = `the image ${name} is not on this node, and could not be pulled`;
    throw storageFailure('UNET_IMAGE_MISSING', message, argv, result, options);
  }
}

/** An engine's command that failed without a reason that is known. */
export function engineFailure(argv: readonly string[], result: RunResult, timeoutMs: number): UnetError {
  return new UnetError('UNET_ENGINE_FAILED', `${shown(argv)} ${describeEnd(result, timeoutMs)}`, {
    tail: lastLines(result.stderr || result.stdout),
    remedy: 'try it manually on that node',
  });
}

const REMEDIES = {
  UNET_IMAGE_LOAD:
    'check that it is a complete archive written by "podman save" or "docker save", for this architecture',
  UNET_IMAGE_MISSING:
    'load it there first ("podman load -i FILE"), or omit --image to let the release build its own',
  UNET_ENGINE_FAILED: 'try it manually on that node',
} as const;

function storageFailure(
  code: keyof typeof REMEDIES,
  message: string,
  argv: readonly string[],
  result: RunResult,
  { timeoutMs }: ImageOptions,
): UnetError {
  const tail = lastLines(result.stderr || result.stdout);
  const full = `${message}: ${shown(argv)} ${describeEnd(result, timeoutMs)}`;
  if (/No space left on device|Disk quota exceeded/i.test(result.stderr)) {
    const remedy = 'free space where the engine keeps its images, or move its storage with --storage job';
    return new UnetError('UNET_DISK_FULL', full, { fatal: true, tail, remedy });
  }
  return new UnetError(code, full, { fatal: true, tail, remedy: REMEDIES[code] });
}

/** "Loaded image: NAME" (podman, docker, nerdctl), "Loaded image(s): A,B" (podman 3), "Loaded image ID: sha256:…". */
function loadedNames(stdout: string): string[] {
  return stdout.split('\n').flatMap((line) => {
    const [, names = ''] = /^Loaded image(?:\(s\)| ID)?:\s*(.+)$/i.exec(line.trim()) ?? [];
    return names
      .split(',')
      .map((name) => name.trim())
      .filter((name) => name !== '');
  });
}

function shown(argv: readonly string[]): string {
  return argv.slice(0, 2).join(' ');
}

function runOptions({ env, timeoutMs, signal, onLine }: ImageOptions) {
  return { env, timeoutMs, signal, ...(onLine === undefined ? {} : { onLine }) };
}
