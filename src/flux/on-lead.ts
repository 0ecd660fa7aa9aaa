/**
 * What stays is on rank 0's host, wherever a command is typed: what stays on a login node goes with the proxy or ssh connection, and what is on another
 * node may be lost with that.
 */
import type { OnLead } from '../scheduler/scheduler.ts';
import { leadCommandArgv } from './exec.ts';
import { RANK_0_SINCE } from './instance.ts';
import { isOlder, tooOld } from './too-old.ts';

/** How flux(1) reaches the broker from here. */
const FOR_FLUX = ['FLUX_SSH', 'FLUX_SSH_RCMD'];
/** Of this host's session. */
const OF_HOST = [
  'XDG_RUNTIME_DIR',
  'DBUS_SESSION_BUS_ADDRESS',
  'SSH_AUTH_SOCK',
  'SSH_CONNECTION',
  'SSH_CLIENT',
  'SSH_TTY',
];

/**
 * @param lead rank 0's node.
 * @param self the node of this host; undefined: none.
 */
export function onRank0(
  lead: string,
  self: string | undefined,
  uri: string,
  version: string | undefined,
): OnLead {
  return {
    outside: self === undefined,
    command: leadCommandArgv,
    // The variables of an outer step would make flux answer for that, and those of the proxy are not true over there.
    environment: (env) => ({
      ...Object.fromEntries(
        Object.entries(env).filter(
          ([name]) => (!name.startsWith('FLUX_') || FOR_FLUX.includes(name)) && !OF_HOST.includes(name),
        ),
      ),
      FLUX_URI: uri,
      FLUX_F58_FORCE_ASCII: '1',
    }),
    ...(rank0Refuses(version)
      ? {
          refusal: tooOld(
            version,
            RANK_0_SINCE,
            `a command on ${lead} from another host`,
            `type it on ${lead}, rank 0`,
          ),
        }
      : {}),
  };
}

/** Whether rank 0 runs no command that comes from another rank. */
export function rank0Refuses(version = ''): boolean {
  return isOlder(version, RANK_0_SINCE);
}
