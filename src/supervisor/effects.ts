/** What the supervisor's decisions take in, and what they want done. Both are plain data. */
import type { ErrorRecord, UnetError } from '../errors.ts';
import type { ClusterPhase, EventBody } from '../events/types.ts';
import type { ResumeSettings } from '../protocol/control.ts';
import type { FromAgent } from '../protocol/from-agent.ts';
import type { ToAgents } from '../protocol/to-agents.ts';
import type { AgentFate } from '../scheduler/launcher.ts';

export type Input =
  /** The bring-up begins, and its deadline. */
  | { type: 'start' }
  /** Everything is prepared; the agents can be started. */
  | { type: 'prepared' }
  /** `clock`: milliseconds since the epoch as it came, by this host. */
  | { type: 'message'; message: FromAgent; clock?: number }
  /** The launcher saw agents end. */
  | { type: 'agents-ended'; nodes: readonly string[]; reason: string; fate: AgentFate }
  /** The scheduler's allocation is gone: no node but this one can be reached. */
  | { type: 'allocation-ended' }
  /** The time of a `wake` effect has come. */
  | { type: 'wake'; id: number }
  /** Once in a heartbeat. */
  | { type: 'tick' }
  /** Nothing is left of the earlier agents of these nodes: new ones can be started. */
  | { type: 'cleaned-for-retry'; nodes: readonly string[] }
  | { type: 'resume'; settings: ResumeSettings }
  | { type: 'give-up'; node: string; error: UnetError }
  /** The bring-up as a whole has failed. */
  | { type: 'fail'; error: UnetError }
  | { type: 'stop'; reason: string }
  /** Everything is taken away. */
  | { type: 'gone'; reason: string };

export type Effect =
  /** To every agent, or to those on the nodes `to`. */
  | { do: 'send'; message: ToAgents; to?: readonly string[] | undefined }
  | { do: 'emit'; event: EventBody }
  | {
      do: 'enter';
      phase: ClusterPhase;
      message?: string | undefined;
      /** Of `degraded`: what is wrong, until the cluster is whole again. */
      error?: ErrorRecord | undefined;
      retained?: boolean | undefined;
      restarting?: boolean | undefined;
    }
  | { do: 'launch'; nodes: readonly string[] }
  /** Another agent cleans after a dead one. */
  | { do: 'clean'; node: string }
  /** Wait until the nodes are clean, then `cleaned-for-retry`. */
  | { do: 'clean-for-retry'; nodes: readonly string[] }
  /** How the release gets to the agents is known, or they need it again. */
  | { do: 'deliver-release'; everyNodeSeesJobDir: boolean }
  | { do: 'resend-release'; node: string; seesJobDir?: boolean | undefined }
  | { do: 'start-pack' }
  | { do: 'request-pack'; node: string }
  | { do: 'pack-done'; node: string }
  | { do: 'keep-kubeconfig'; message: Extract<FromAgent, { type: 'kubeconfig' }> }
  | { do: 'summarize'; ready: string[]; missing: string[] }
  /** Write the state soon. */
  | { do: 'save' }
  /** Come back with `wake` after `ms`. */
  | { do: 'wake'; id: number; ms: number }
  | { do: 'cancel-wake'; id: number }
  | { do: 'note'; line: string }
  /** Take everything away, then `gone`. */
  | { do: 'tear-down'; reason: string };
