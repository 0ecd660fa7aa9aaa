/** The supervisor that a state names, as a process: whether it lives here, has ended here, or is another host's. */
import { hasEnded, type ProcessIdentity, runsHere } from '../process/identity.ts';
import type { JobState } from './state.ts';

type Named = Pick<JobState, 'supervisor'>;

/** Whether it lives on this machine, as far as one can see from here. */
export function supervisorRunsHere(state: Named): boolean {
  const identity = identityOf(state);
  return identity !== undefined && runsHere(identity);
}

/** Whether it is known to have ended. False for that of another machine or container: only its silence tells. */
export function supervisorHasEnded(state: Named): boolean {
  const identity = identityOf(state);
  return identity !== undefined && hasEnded(identity);
}

export function isSameSupervisor({ supervisor: a }: Named, { supervisor: b }: Named): boolean {
  return a.id === undefined || b.id === undefined
    ? a.host === b.host && a.pid === b.pid && a.start === b.start
    : a.id === b.id;
}

function identityOf({ supervisor }: Named): ProcessIdentity | undefined {
  const { pid, start, boot, namespace } = supervisor;
  return start === undefined || boot === undefined || namespace === undefined
    ? undefined
    : { pid, start, boot, namespace };
}
