/**
 * A rootful podman on a host whose bridges are filtered: a container does not reach a port that it publishes at the address of its own
 * host (hairpin), which flannel on the lead does for the API server. Seen with podman 4.3.1 and Kubernetes 1.34.9.
 */
import { readFile } from 'node:fs/promises';
import type { Engine } from './engine.ts';

const FILTERED = '/proc/sys/net/bridge/bridge-nf-call-iptables';

/** The warning; undefined where it does not apply. @param file of the kernel, 1 where br_netfilter is loaded and in force. */
export async function hairpinWarning(
  { type, facts }: Pick<Engine, 'type' | 'facts'>,
  file = FILTERED,
): Promise<string | undefined> {
  if (type !== 'podman' || facts?.rootless !== false) {
    return undefined;
  }
  const isFiltered = (await readFile(file, 'utf8').catch(() => '')).trim() === '1';
  return isFiltered
    ? 'podman is rootful and br_netfilter is in force: the node may not reach its own published ports, and flannel on the lead fails although the node is Ready. If pods of the lead stay without network: sysctl -w net.bridge.bridge-nf-call-iptables=0'
    : undefined;
}
