/** What an agent says to its supervisor; see to-agents.ts. */
import * as z from 'zod';
import { ErrorRecord, stepEvent } from '../events/schema.ts';

/** An agent to the supervisor. */
export const FromAgent = z.discriminatedUnion('type', [
  z.object({
    type: z.literal('hello'),
    node: z.string(),
    protocol: z.number(),
    unet: z.string(),
    host: z.string(),
    /** The boot id of its machine. */
    boot: z.string().optional(),
    pid: z.number(),
    nodeDir: z.string(),
    seesJobDir: z.boolean(),
    /** Whether it can read the pack where the supervisor does; absent without a pack. */
    seesPack: z.boolean().optional(),
    /** As in container images. */
    architecture: z.string().optional(),
    slot: z.number(),
    /** The lead's address for the others; workers find theirs by the route to it. */
    address: z.string().optional(),
    /** All of this host that are no loopback's. */
    addresses: z.array(z.object({ name: z.string(), address: z.string() })).optional(),
    /** Milliseconds since the epoch, by this host's clock as this was said. */
    clock: z.number().optional(),
    problem: ErrorRecord.optional(),
  }),
  z.object({ type: z.literal('claimed'), node: z.string(), round: z.number(), slot: z.number() }),
  z.object({
    type: z.literal('located'),
    node: z.string(),
    address: z.string().optional(),
    problem: ErrorRecord.optional(),
  }),
  z.object({
    type: z.literal('probed'),
    node: z.string(),
    /** The key of the probe that this answers. */
    round: z.string(),
    /** Nodes that did not answer by UDP. */
    unanswered: z.array(z.string()),
    /** Why the lead was not reached by TCP, if it was not. */
    lead: z.string().optional(),
  }),
  z.object({ type: z.literal('beat'), node: z.string() }),
  stepEvent({}),
  z.object({ type: z.literal('warning'), node: z.string(), message: z.string() }),
  z.object({ type: z.literal('request-pack'), node: z.string() }),
  z.object({ type: z.literal('pack-done'), node: z.string() }),
  z.object({ type: z.literal('request-join'), node: z.string(), turn: z.number() }),
  z.object({ type: z.literal('join-done'), node: z.string() }),
  z.object({ type: z.literal('forgotten'), node: z.string(), nodeName: z.string() }),
  z.object({ type: z.literal('join-record'), node: z.string(), record: z.unknown() }),
  z.object({
    type: z.literal('kubeconfig'),
    node: z.string(),
    apiServer: z.object({ address: z.string(), port: z.number() }),
    /** Only where the agent does not see the job directory: else it has written the file itself. */
    content: z.string().optional(),
  }),
  z.object({
    type: z.literal('kube-node'),
    node: z.string(),
    name: z.string(),
    ready: z.boolean(),
    message: z.string(),
  }),
  z.object({ type: z.literal('dns'), node: z.string() }),
  /** The node's container, which ran, has ended. */
  z.object({ type: z.literal('container-ended'), node: z.string(), error: ErrorRecord }),
  /** The API server has not answered for some time, or answers again. */
  z.object({ type: z.literal('api'), node: z.string(), answers: z.boolean(), message: z.string() }),
  z.object({
    type: z.literal('bye'),
    node: z.string(),
    clean: z.boolean(),
    /** Why it ends. */
    reason: z.string(),
    /** It got a signal, as all of a job gets at its end. */
    bySignal: z.boolean(),
    problem: ErrorRecord.optional(),
  }),
]);
export type FromAgent = z.infer<typeof FromAgent>;
export type Hello = Extract<FromAgent, { type: 'hello' }>;
