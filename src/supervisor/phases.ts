/** The phases of a cluster, and which one may follow which. */
import type { ClusterPhase } from '../events/types.ts';

const TRANSITIONS: Record<ClusterPhase, readonly ClusterPhase[]> = {
  starting: ['bringing-up', 'failed', 'stopping'],
  'bringing-up': ['usable', 'degraded', 'failed', 'stopping'],
  // From each of these "unet up" may try again what is missing.
  usable: ['bringing-up', 'degraded', 'failed', 'stopping'],
  degraded: ['bringing-up', 'usable', 'degraded', 'failed', 'stopping'],
  failed: ['stopping'],
  stopping: ['stopped'],
  stopped: [],
};

export function mayFollow(phase: ClusterPhase, next: ClusterPhase): boolean {
  return TRANSITIONS[phase].includes(next);
}

export function isEnding(phase: ClusterPhase): boolean {
  return phase === 'stopping' || phase === 'stopped';
}

/** The bring-up is decided, and the cluster can be used. */
export function isUp(phase: ClusterPhase): boolean {
  return phase === 'usable' || phase === 'degraded';
}
