/** Where the API server is. */
import { isIPv6 } from 'node:net';

export type ApiServer = { address: string; port: number };

export function serverUrl({ address, port }: ApiServer): string {
  return `https://${isIPv6(address) ? `[${address}]` : address}:${port}`;
}
