/**
 * What a supervisor says to its agents, as JSON lines over the launcher's own streams. The launcher may broadcast, so a message for
 * one node names it. See from-agent.ts for the answers: each side reads one of the two.
 */
import * as z from 'zod';
import { ContainerOptions } from '../engine/container-options.ts';
import { ENGINES } from '../engine/settings.ts';
import { TRANSPORT_NAMES } from '../join/transports.ts';
import { PACK_ROUTES } from '../pack/routes.ts';
import { Allocation } from '../scheduler/allocation.ts';
import { STEP_TIMEOUTS_MS, type TimedStep } from '../steps.ts';
import { Ports } from './ports.ts';

/** Milliseconds, as the settings are once they are read; there a bare number is seconds. */
const StepTimeouts = z.object(
  Object.fromEntries(Object.keys(STEP_TIMEOUTS_MS).map((step) => [step, z.number().positive()])) as Record<
    TimedStep,
    z.ZodNumber
  >,
);

/** The first line of an agent's input. */
export const JobSpec = z.object({
  type: z.literal('spec'),
  protocol: z.number(),
  unet: z.string(),
  jobId: z.string().regex(/^[a-z0-9-]{1,40}$/),
  epoch: z.number().int().positive(),
  /** `clean`: say hello, remove what an earlier agent left, say bye. */
  mode: z.enum(['bring-up', 'clean']),
  lead: z.string(),
  nodes: z.array(z.string()),
  /** All agents are on one host, so they cannot have the same ports. */
  oneHost: z.boolean(),
  /** What an agent needs to know of the allocation to open it; see src/scheduler. */
  scheduler: Allocation.pick({ kind: true, schedulerJobId: true, details: true }),
  clusterName: z.string(),
  /** The node on which the supervisor runs: the job directory may be there alone. None: a login node. */
  supervisorNode: z.string().optional(),
  /** Programs of the scheduler that have to be on PATH on every node. */
  tools: z.array(z.string()),
  jobDir: z.string(),
  nonce: z.string(),
  /** Parents of the node-local directory, separated by ":". */
  nodeDir: z.string().optional(),
  nodeDirShared: z.boolean().optional(),
  /** The offline pack, where the supervisor sees it, and the node image that is in it. */
  pack: z.object({ path: z.string(), id: z.string(), image: z.string().optional() }).optional(),
  engine: z.enum(ENGINES),
  compose: z.string().optional(),
  container: ContainerOptions,
  interface: z.string().optional(),
  stepTimeouts: StepTimeouts,
  heartbeatMs: z.number(),
  silenceMs: z.number(),
  joinAttempts: z.number().int().positive(),
  /** Milliseconds that the whole bring-up may take: no clock is shared. */
  timeoutMs: z.number(),
});
export type JobSpec = z.infer<typeof JobSpec>;

export const Assignment = z.object({
  index: z.number().int().nonnegative(),
  nodeName: z.string(),
  subnet: z.string(),
  ports: Ports,
});
export type Assignment = z.infer<typeof Assignment>;

/** A release that each node has itself. */
export const OwnRelease = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('rehearsal') }),
  z.object({ kind: z.literal('directory'), path: z.string() }),
  z.object({ kind: z.literal('tarball'), path: z.string() }),
]);
export type OwnRelease = z.infer<typeof OwnRelease>;

/** Supervisor to agents. */
export const ToAgents = z.discriminatedUnion('type', [
  JobSpec,
  z.object({ type: z.literal('claim'), slot: z.number().int().nonnegative(), round: z.number() }),
  /** Each says which address it has on the way to the lead. */
  z.object({ type: z.literal('locate'), leadAddress: z.string() }),
  /** Each asks all others on the ports that the cluster will use; see src/node/prove.ts. */
  z.object({
    type: z.literal('probe'),
    /** Tells these probes from those of another cluster. */
    key: z.string(),
    lead: z.string(),
    ports: Ports,
    /** Addresses by node. */
    peers: z.record(z.string(), z.string()),
  }),
  z.object({
    type: z.literal('assign'),
    joinVia: z.enum(TRANSPORT_NAMES),
    leadAddress: z.string(),
    nodes: z.record(z.string(), Assignment),
  }),
  z.object({
    type: z.literal('release'),
    sha256: z.string(),
    bytes: z.number(),
    path: z.string(),
    /** All take it from this Flux archive (--stage archive), also who sees the path. */
    archive: z.string().optional(),
    /** Nobody is sent it (--stage none): each takes its own, which has to be the same. */
    own: OwnRelease.optional(),
  }),
  /** `archive`: instead of all parts, the name of the Flux archive that has the whole. */
  z.object({ type: z.literal('release-part'), data: z.string(), archive: z.string().optional() }),
  /** The pack is there for this node, or for all: read it where the supervisor sees it, or out of what was broadcast. */
  z.object({
    type: z.literal('pack'),
    node: z.string().optional(),
    via: z.enum(PACK_ROUTES),
    /** `sbcast`: the file in this user's node-local directory of the job. `flux-archive`: its name. */
    name: z.string().optional(),
  }),
  /** It is this node's turn to join, as it asked for under this number. */
  z.object({ type: z.literal('grant'), node: z.string(), turn: z.number() }),
  z.object({ type: z.literal('join-record'), record: z.unknown() }),
  /** A worker that failed tries again, for a record of at least this epoch. */
  z.object({ type: z.literal('retry'), node: z.string(), epoch: z.number().int().positive() }),
  /** Every wanted node has joined or is given up: the lead revokes the bootstrap tokens. */
  z.object({ type: z.literal('joins-done') }),
  /** The lead makes and publishes a new join record (its token was revoked, and nodes are to join again). */
  z.object({ type: z.literal('publish-again'), epoch: z.number().int().positive() }),
  z.object({ type: z.literal('usable') }),
  /** The lead deletes the Node: kubeadm refuses to join under the name of one that still counts as Ready. */
  z.object({ type: z.literal('forget'), nodeName: z.string() }),
  z.object({ type: z.literal('ping') }),
  /** `diagnose`: the nodes that first bring away what explains the failure. */
  z.object({ type: z.literal('stop'), reason: z.string(), diagnose: z.array(z.string()).optional() }),
]);
export type ToAgents = z.infer<typeof ToAgents>;
