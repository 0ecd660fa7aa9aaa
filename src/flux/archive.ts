/** Giving a file to all ranks: flux-archive(1), and flux-filemap(1) before Flux 0.60. */
import { UnetError } from '../errors.ts';
import { type FluxOptions, flux, tryFlux } from './flux.ts';
import { listValues } from './kvs.ts';

export type ArchiveOptions = FluxOptions & { name: string };

/** How long one call waits for an archive; whoever waits longer calls again. */
const WAIT_S = 30;
const WAIT_MARGIN_MS = 30_000;

/**
 * Puts `file` of `directory` into the archive, replacing one of the same name. Its mode travels with it. With --overwrite only
 * where there is one: it unlinks the name first, and whoever waits for that to be created is told that there is no such
 * thing (seen with Flux 0.88).
 */
export async function createArchive(options: ArchiveOptions, directory: string, file: string): Promise<void> {
  const call = (...more: string[]) =>
    tryFlux(['archive', 'create', '--name', options.name, ...more, '-C', directory, file], options);
  let result = await call();
  if (result.exitCode !== 0 && /key exists/.test(result.stderr)) {
    result = await call('--overwrite');
  }
  if (result.exitCode !== 0) {
    options.signal?.throwIfAborted();
    throw refused('create', result.stderr, options.name);
  }
}

/**
 * Waits for the archive and lays it into `directory`, private and empty. False: it has not come yet.
 *
 * @param options its `timeoutMs` is for laying it there, once it has come.
 */
export async function extractArchive(options: ArchiveOptions, directory: string): Promise<boolean> {
  const args = ['archive', 'extract', '--name', options.name, `--waitcreate=${WAIT_S}s`, '-C', directory];
  const result = await tryFlux(args, {
    ...options,
    timeoutMs: WAIT_S * 1000 + (options.timeoutMs ?? WAIT_MARGIN_MS),
  });
  if (result.exitCode === 0) {
    return true;
  }
  options.signal?.throwIfAborted();
  // Both mean the same; the second one when its predecessor was unlinked while we waited.
  if (/not created within timeout|No such file or directory/.test(result.stderr)) {
    return false;
  }
  throw refused('extract', result.stderr, options.name);
}

/** Repeatable. */
export async function removeArchive(options: ArchiveOptions): Promise<void> {
  const { exitCode, stderr } = await tryFlux(
    ['archive', 'remove', '--name', options.name, '--force'],
    options,
  );
  if (exitCode !== 0) {
    options.signal?.throwIfAborted();
    throw refused('remove', stderr, options.name);
  }
}

/** The names of archives that begin with `prefix`. */
export async function archivesOf(prefix: string, options: FluxOptions): Promise<string[]> {
  return (await listValues('archive', options)).filter((name) => name.startsWith(prefix));
}

/** On rank 0 only. Without mmap: a mapped file that changes can end the broker (flux-archive(1), "--mmap"). */
export async function mapFile(options: ArchiveOptions, directory: string, file: string): Promise<void> {
  await flux(['filemap', 'map', '--disable-mmap', '--tags', options.name, '-C', directory, file], options);
}

/** What is mapped by now, laid into `directory`; it does not wait. */
export async function getMapped(options: ArchiveOptions, directory: string): Promise<void> {
  await flux(['filemap', 'get', '--tags', options.name, '-C', directory], options);
}

/** Repeatable. */
export async function unmap(options: ArchiveOptions): Promise<void> {
  await tryFlux(['filemap', 'unmap', '--tags', options.name], options);
}

function refused(verb: string, stderr: string, name: string): UnetError {
  const said = stderr.trim().split('\n').at(-1) ?? '';
  if (/Operation not permitted|Request requires owner/i.test(said)) {
    return new UnetError('UNET_FLUX_GUEST', `flux archive ${verb} is for the instance's owner: ${said}`, {
      fatal: true,
      remedy:
        'start an instance of your own in it with "flux alloc" or "flux batch", or use --join-via stdio',
    });
  }
  if (/key exists/.test(said)) {
    return new UnetError(
      'UNET_FLUX_ARCHIVE',
      `the name ${name} is taken by another Flux archive, which could not be replaced: ${said}`,
      { remedy: `take that away with "flux archive remove --name ${name}", or use --join-via stdio` },
    );
  }
  return new UnetError('UNET_FLUX_ARCHIVE', `flux archive ${verb} of ${name} failed: ${said}`, {
    remedy: 'use --join-via shared-fs or stdio, and --stage copy or none',
  });
}
