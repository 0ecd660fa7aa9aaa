/** What the lead's agent does beside its plan, as soon as there is a kubeconfig: addresses, readiness, DNS, tokens. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { NodeContext } from './context.ts';
import { publish } from './steps/publish.ts';
import { runTarget } from './steps/run-target.ts';

const SYNC_PAUSE_MS = 2000;
const TOKEN_RETRY_MS = 1000;

/** Follows the cluster until `signal` aborts. */
export async function attendControlPlane(
  context: NodeContext,
  kubeconfig: string,
  signal: AbortSignal,
): Promise<void> {
  const { dnsReady, followNodes, loadConfig } = await loadKubernetes();
  const config = loadConfig(kubeconfig);
  const warn = createWarner(context);
  const sync = createFallback(context, signal, warn);
  await Promise.all([
    followNodes({
      config,
      onNode: (node) => context.send({ type: 'kube-node', ...node }),
      onUnaddressed: (name, reason) => {
        warn(`${name} could not be addressed over the API (${reason}); using make sync-external-ip`);
        sync();
      },
      onTrouble: (message) => warn(`the API server did not answer: ${message}`),
      signal,
    }),
    dnsReady(config, signal).then(() => context.send({ type: 'dns' })),
    keepTokens(context, kubeconfig, signal, warn),
    publishAgain(context, kubeconfig, signal, warn),
    forgetNodes(context, kubeconfig, signal, warn),
  ]);
}

/** Reading and evaluating the client takes a moment: the lead begins while its node starts. */
export function loadKubernetes(): Promise<typeof import('../kubernetes/index.ts')> {
  return import('../kubernetes/index.ts');
}

/** Bounds the published token's life, and revokes all tokens when nobody is to join any more. */
async function keepTokens(
  context: NodeContext,
  kubeconfig: string,
  signal: AbortSignal,
  warn: (message: string) => void,
): Promise<void> {
  const { boundToken, loadConfig, revokeTokens } = await loadKubernetes();
  const config = loadConfig(kubeconfig);
  while (context.published === undefined) {
    await sleep(50, undefined, { signal });
  }
  const { token, expiresAt } = context.published;
  await insist(
    () => boundToken(config, token.reveal().slice(0, 6), expiresAt),
    'bounding the bootstrap token',
    signal,
    warn,
  );
  for (;;) {
    await context.inbox.take('joins-over', signal);
    await context
      .transport(context.epoch)
      .withdraw()
      .catch((error: unknown) => warn(`the join record could not be removed: ${String(error)}`));
    await insist(() => revokeTokens(config), 'revoking the bootstrap tokens', signal, warn);
  }
}

/** Nodes that are to join again, or are lost for good, go from the API first. */
async function forgetNodes(
  context: NodeContext,
  kubeconfig: string,
  signal: AbortSignal,
  warn: (message: string) => void,
): Promise<void> {
  const { deleteNode, loadConfig } = await loadKubernetes();
  const config = loadConfig(kubeconfig);
  for (;;) {
    const { nodeName } = await context.inbox.take('forget', signal);
    await insist(() => deleteNode(config, nodeName), `deleting the node ${nodeName}`, signal, warn);
    context.send({ type: 'forgotten', nodeName });
  }
}

/** A new token and record for nodes that are to join later. */
async function publishAgain(
  context: NodeContext,
  kubeconfig: string,
  signal: AbortSignal,
  warn: (message: string) => void,
): Promise<void> {
  const { boundToken, loadConfig } = await loadKubernetes();
  for (;;) {
    const { epoch } = await context.inbox.take('publish-again', signal);
    context.epoch = epoch;
    const log = context.openLog('publish');
    try {
      await publish.run(context, log, signal);
      if (context.published !== undefined) {
        await boundToken(
          loadConfig(kubeconfig),
          context.published.token.reveal().slice(0, 6),
          context.published.expiresAt,
        );
      }
    } catch (error) {
      signal.throwIfAborted();
      warn(
        `publishing the join record again failed: ${error instanceof Error ? error.message : String(error)}`,
      );
    } finally {
      log.close();
    }
  }
}

/** Tries a few times: the API server of a fresh control plane restarts at will. A token left is bounded anyway. */
async function insist(
  action: () => Promise<void>,
  what: string,
  signal: AbortSignal,
  warn: (message: string) => void,
): Promise<void> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      await action();
      return;
    } catch (error) {
      signal.throwIfAborted();
      if (attempt === 5) {
        warn(
          `${what} failed: ${error instanceof Error ? (error.message.split('\n')[0] ?? '') : String(error)}`,
        );
        return;
      }
      await sleep(TOKEN_RETRY_MS, undefined, { signal });
    }
  }
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
        warn(`make sync-external-ip: ${error instanceof Error ? error.message : String(error)}`);
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

/** Says each thing once. */
function createWarner(context: NodeContext): (message: string) => void {
  const said = new Set<string>();
  return (message) => {
    if (!said.has(message)) {
      said.add(message);
      context.send({ type: 'warning', message });
    }
  };
}
