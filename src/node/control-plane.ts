/** What the lead's agent does beside its plan, as soon as there is a kubeconfig: addresses, readiness, DNS, tokens. */
import { setTimeout as sleep } from 'node:timers/promises';
import { errorMessage, UnetError } from '../errors.ts';
import { withDeadline } from '../process/deadline.ts';
import type { NodeContext } from './context.ts';
import { loadKubernetes } from './kubernetes-bundle.ts';
import { publish } from './steps/publish.ts';
import { runTarget } from './steps/run-target.ts';
import { watchApi } from './watch-api.ts';

const SYNC_PAUSE_MS = 2000;
const RETRY_MS = 1000;
const TRIES = 5;
const CALL_TIMEOUT_MS = 10_000;

/** Follows the cluster until `signal` aborts. */
export async function attendControlPlane(
  context: NodeContext,
  kubeconfig: string,
  signal: AbortSignal,
): Promise<void> {
  const kubernetes = await loadKubernetes();
  const config = kubernetes.loadConfig(kubeconfig);
  const { inbox, spec } = context;
  const warn = createWarner(context);
  const sync = createFallback(context, signal, warn);
  // One after the other: what is asked for later must not overtake, as a new token the revoking of the old ones.
  const inTurn = createQueue((error) => warn(UnetError.from(error).message));

  const limitToken = async () => {
    if (context.published !== undefined) {
      const { token, expiresAt } = context.published;
      const id = token.reveal().slice(0, 6);
      await insist(() => kubernetes.limitToken(config, id, expiresAt), 'bounding the bootstrap token');
    }
  };
  const publishAgain = async (epoch: number) => {
    context.epoch = epoch;
    const log = context.openLog('publish');
    try {
      await publish.run(context, log, signal);
    } finally {
      log.close();
    }
    await limitToken();
  };
  const joinsOver = async () => {
    await context.transport(context.epoch).withdraw();
    await insist(() => kubernetes.revokeTokens(config), 'revoking the bootstrap tokens');
  };
  const forget = async (nodeName: string) => {
    await insist(() => kubernetes.deleteNode(config, nodeName), `deleting the node ${nodeName}`);
    context.send({ type: 'forgotten', nodeName });
  };

  /** Tries a few times: the API server of a fresh control plane restarts at will. A token left is bounded anyway. */
  async function insist(action: () => Promise<void>, what: string): Promise<void> {
    for (let attempt = 1; ; attempt += 1) {
      try {
        const late = () => new UnetError('UNET_STEP_TIMEOUT', 'the API server did not answer');
        await withDeadline(CALL_TIMEOUT_MS, signal, action, late);
        return;
      } catch (error) {
        signal.throwIfAborted();
        if (attempt === TRIES) {
          warn(`${what} failed: ${firstLine(error)}`);
          return;
        }
        await sleep(RETRY_MS, undefined, { signal });
      }
    }
  }

  await Promise.all([
    kubernetes.followNodes({
      config,
      onNode: (node) => context.send({ type: 'kube-node', ...node }),
      onUnaddressed: (name, reason) => {
        warn(`${name} could not be addressed over the API (${reason}); using make sync-external-ip`);
        sync();
      },
      onTrouble: (message) => warn(`the API server did not answer: ${message}`),
      signal,
    }),
    kubernetes.dnsReady(config, signal).then(() => context.send({ type: 'dns' })),
    watchApi({
      ask: (limit) => kubernetes.apiAnswers(config, limit),
      everyMs: spec.heartbeatMs,
      awayMs: spec.silenceMs,
      onChange: (answers, message) => context.send({ type: 'api', answers, message }),
      signal,
    }),
    context.publishedOnce.then(() => inTurn(limitToken)),
    forEach(
      () => inbox.take('joins-done', signal),
      // The record may still be on its way out, when there is nobody to join.
      () => void context.publishedOnce.then(() => inTurn(joinsOver)),
    ),
    forEach(
      () => inbox.take('publish-again', signal),
      ({ epoch }) => inTurn(() => publishAgain(epoch)),
    ),
    forEach(
      () => inbox.take('forget', signal),
      ({ nodeName }) => inTurn(() => forget(nodeName)),
    ),
  ]);
}

/** Until `next` rejects. */
async function forEach<T>(next: () => Promise<T>, action: (value: T) => void): Promise<never> {
  for (;;) {
    action(await next());
  }
}

function createQueue(onTrouble: (error: unknown) => void): (action: () => Promise<void>) => void {
  let last: Promise<void> = Promise.resolve();
  return (action) => {
    last = last.then(action).catch(onTrouble);
  };
}

/** `make sync-external-ip`, one at a time, and again when something came up meanwhile. */
function createFallback(
  context: NodeContext,
  signal: AbortSignal,
  warn: (message: string) => void,
): () => void {
  let wanted = false;
  let running = false;
  const loop = async () => {
    running = true;
    while (wanted && !signal.aborted) {
      wanted = false;
      const log = context.openLog('ready');
      try {
        await runTarget('sync-external-ip', 'ready', context, log, signal);
      } catch (error) {
        warn(`make sync-external-ip: ${firstLine(error)}`);
      } finally {
        log.close();
      }
      await sleep(SYNC_PAUSE_MS, undefined, { signal }).catch(() => {});
    }
    running = false;
  };
  return () => {
    wanted = true;
    if (!running && context.release?.hasSyncExternalIp === true) {
      void loop();
    }
  };
}

/** Says each thing once; nothing when the end itself is the trouble. */
function createWarner(context: NodeContext): (message: string) => void {
  const said = new Set<string>();
  return (message) => {
    if (!said.has(message)) {
      said.add(message);
      context.send({ type: 'warning', message });
    }
  };
}

function firstLine(error: unknown): string {
  return errorMessage(error).split('\n')[0] ?? '';
}
