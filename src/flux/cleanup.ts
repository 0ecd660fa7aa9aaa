/** What rank 0 runs when the instance's initial program has ended: flux-admin(1), "cleanup-push". */
import { type FluxOptions, flux } from './flux.ts';

/**
 * `argv` is run by a shell, after the script and before the brokers stop, if `onlyIf` is still there then. The broker logs
 * every line of it as an error, so it is heard only when it fails.
 */
export async function pushCleanup(
  argv: readonly string[],
  onlyIf: string,
  options: FluxOptions,
): Promise<void> {
  await flux(['admin', 'cleanup-push', cleanupCommand(argv, onlyIf)], options);
}

export function cleanupCommand(argv: readonly string[], onlyIf: string): string {
  const command = argv.map(quoted).join(' ');
  return `test ! -e ${quoted(onlyIf)} || said=$(${command} 2>&1) || { printf '%s\\n' "$said" >&2; false; }`;
}

/** A word for a shell. */
export function quoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}
