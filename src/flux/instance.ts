/** What a Flux instance says of itself: flux-broker-attributes(7), flux-job(1) timeleft. */
import { type FluxOptions, flux, tryFlux } from './flux.ts';
import { isOlder } from './too-old.ts';

// "no limit" of `flux job timeleft`: UINT_MAX (recorded, and in its source).
const NO_LIMIT = 4_294_967_295;

/** A broker attribute; undefined where the instance has none of that name. */
export async function getattr(name: string, options: FluxOptions): Promise<string | undefined> {
  const result = await tryFlux(['getattr', name], options);
  if (result.exitCode !== 0 && /No such file or directory/.test(result.stderr)) {
    return undefined;
  }
  return result.exitCode === 0 ? result.stdout.trim() : await flux(['getattr', name], options);
}

/**
 * Milliseconds until the instance's time limit; undefined when it has none, or when Flux cannot tell: before 0.83 "flux job timeleft"
 * fails in an instance that is no job.
 */
export async function timeLeft(options: FluxOptions): Promise<number | undefined> {
  const { exitCode, stdout } = await tryFlux(['job', 'timeleft'], options);
  const seconds = exitCode === 0 && stdout.trim() !== '' ? Number(stdout) : NO_LIMIT;
  return Number.isInteger(seconds) && seconds !== NO_LIMIT ? seconds * 1000 : undefined;
}

/**
 * What tells this instance from every other, the same for all of its processes: the first entry of its resource
 * eventlog has a time stamp of microseconds. A job id is unique within the enclosing instance only.
 */
export async function birth(options: FluxOptions): Promise<string> {
  return (await flux(['kvs', 'get', 'resource.eventlog'], options)).split('\n')[0] ?? '';
}

/** Whether the instance is on its way out: its script has ended, or its brokers were told to stop. See flux-uptime(1). */
export async function isEnding(options: FluxOptions): Promise<boolean> {
  const { exitCode, stdout } = await tryFlux(['uptime'], options);
  return exitCode !== 0 || /^\s*\S+ (cleanup|shutdown|finalize|goodbye|exit)\b/.test(stdout);
}

/** Whether the broker of `rank` was shut down in order, and not lost: flux-overlay(1), "status". */
export async function wasShutDown(rank: number, options: FluxOptions): Promise<boolean> {
  const args = ['overlay', 'status', '--no-pretty', '--color=never', '--timeout=0'];
  const { exitCode, stdout } = await tryFlux(args, options);
  return exitCode === 0 && new RegExp(`^\\s*${rank} \\S+: offline\\b`, 'm').test(stdout);
}

/** From 0.38 on rank 0 refused commands from other ranks; since 0.59 in instances of several users only (src/broker/exec.c). */
export const RANK_0_SINCE = '0.59.0';
export const ARCHIVE_SINCE = '0.60.0';
export const FILEMAP_SINCE = '0.48.0';

/** How files can be given to all ranks: `flux archive`, before it `flux filemap` (NEWS.md). */
export function fileDistribution(version: string): 'archive' | 'filemap' | undefined {
  if (!/^\d+\.\d+/.test(version) || isOlder(version, FILEMAP_SINCE)) {
    return undefined;
  }
  return isOlder(version, ARCHIVE_SINCE) ? 'filemap' : 'archive';
}
