import type { Store } from '../api/store.ts';
import type { Authority } from './authority.ts';
import { runBootstrapSigner } from './controllers/bootstrap-signer.ts';
import { runDaemonSets } from './controllers/daemon-sets.ts';
import { runDns } from './controllers/dns.ts';
import { runNamespaceDefaults } from './controllers/namespace-defaults.ts';
import { runNodeAddressing } from './controllers/node-addressing.ts';
import { runNodeLifecycle } from './controllers/node-lifecycle.ts';
import { runRequestSigner } from './controllers/request-signer.ts';

/** What every controller gets. */
export interface ControllerContext {
  store: Store;
  authority: Authority;
  graceMs: number;
  dnsAllowed: (signal: AbortSignal) => Promise<void>;
  log: (unit: string, message: string) => void;
  signal: AbortSignal;
}

/** Starts the controllers; they stop at the signal. */
export function startControllers(context: ControllerContext): void {
  runNamespaceDefaults(context);
  runBootstrapSigner(context);
  runRequestSigner(context);
  runNodeAddressing(context);
  runNodeLifecycle(context);
  runDaemonSets(context);
  runDns(context);
}
