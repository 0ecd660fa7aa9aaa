/** What supervisor and agents have to agree on before they understand each other. */
import { UnetError } from '../errors.ts';

/** Raised when a peer of another number could not understand this one. */
export const PROTOCOL = 5;

/** @throws UnetError UNET_PROTOCOL_VERSION naming both sides when the numbers differ. */
export function checkPeer(peer: { protocol: number; unet: string }, own: string, where: string): void {
  if (peer.protocol !== PROTOCOL) {
    const order = peer.protocol > PROTOCOL ? 'newer' : 'older';
    throw new UnetError(
      'UNET_PROTOCOL_VERSION',
      `${where} runs unet ${peer.unet} (protocol ${peer.protocol}), ${order} than this unet ${own} (protocol ${PROTOCOL})`,
      { fatal: true, remedy: 'install the same unet on every node, best on a shared filesystem' },
    );
  }
}
