/** Every transport of the join record, by the name that --join-via takes, and which one a bring-up uses. */
import { UnetError } from '../errors.ts';
import type { SchedulerJob } from '../scheduler/scheduler.ts';
import { fluxArchive } from './flux-archive.ts';
import { sharedFs } from './shared-fs.ts';
import { stdio } from './stdio.ts';
import type { Transport } from './transport.ts';

const TRANSPORTS = {
  'shared-fs': sharedFs,
  'flux-archive': fluxArchive,
  stdio,
} satisfies Record<string, Transport>;

export type TransportName = keyof typeof TRANSPORTS;
export const TRANSPORT_NAMES = Object.keys(TRANSPORTS) as [TransportName, ...TransportName[]];
export const JOIN_VIA = ['auto', ...TRANSPORT_NAMES] as const;

export function transport(name: TransportName): Transport {
  return TRANSPORTS[name];
}

/**
 * The transport that was asked for, or the first that the scheduler prefers and that works here.
 *
 * @param everyNodeSeesJobDir each agent found the lead's nonce in the job directory.
 * @throws UnetError UNET_CONFIG_INVALID or UNET_FLUX_TOO_OLD when the one that was asked for cannot work.
 */
export function chooseTransport(
  joinVia: (typeof JOIN_VIA)[number],
  everyNodeSeesJobDir: boolean,
  scheduler: Pick<SchedulerJob, 'joinTransports' | 'whyNoArchive'>,
): TransportName {
  if (joinVia === 'auto') {
    return (
      scheduler.joinTransports.find((name) => everyNodeSeesJobDir || !TRANSPORTS[name].needsJobDirectory) ??
      'stdio'
    );
  }
  const { needsJobDirectory, needsScheduler } = TRANSPORTS[joinVia];
  if (needsJobDirectory && !everyNodeSeesJobDir) {
    throw new UnetError(
      'UNET_CONFIG_INVALID',
      `not every node sees the job directory, so the join record cannot travel by ${joinVia}`,
      {
        remedy: 'choose a directory on a shared filesystem with --job-dir, or leave --join-via at auto',
        fatal: true,
      },
    );
  }
  if (needsScheduler && !scheduler.joinTransports.includes(joinVia)) {
    throw scheduler.whyNoArchive(`--join-via ${joinVia}`, 'leave --join-via at auto', 'join');
  }
  return joinVia;
}

/** Whether agents need the scheduler's programs for the join record that is most likely. */
export function joinNeedsTools(
  joinVia: (typeof JOIN_VIA)[number],
  { joinTransports: [preferred = 'stdio'] }: Pick<SchedulerJob, 'joinTransports'>,
): boolean {
  return TRANSPORTS[joinVia === 'auto' ? preferred : joinVia].needsScheduler;
}
