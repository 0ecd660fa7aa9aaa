import type { Store } from '../api/store.ts';
import type { Authority } from './authority.ts';
import { runBootstrapSigner } from './controllers/bootstrap-signer.ts';
import { runCustomTypes } from './controllers/custom-types.ts';
import { runDaemonSets } from './controllers/daemon-sets.ts';
import { runDeployments } from './controllers/deployments.ts';
import { runDns } from './controllers/dns.ts';
import { runEndpoints } from './controllers/endpoints.ts';
import { runGarbageCollector } from './controllers/garbage-collector.ts';
import { runJobs } from './controllers/jobs.ts';
import { runNamespaceDefaults } from './controllers/namespace-defaults.ts';
import { runNamespaceLifecycle } from './controllers/namespace-lifecycle.ts';
import { runNodeAddressing } from './controllers/node-addressing.ts';
import { runNodeLifecycle } from './controllers/node-lifecycle.ts';
import { runQuotaStatus } from './controllers/quota-status.ts';
import { runReplicaSets } from './controllers/replica-sets.ts';
import { runRequestSigner } from './controllers/request-signer.ts';
import { runScheduler } from './controllers/scheduler.ts';
import { runStatefulSets } from './controllers/stateful-sets.ts';

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
  runCustomTypes(context);
  runGarbageCollector(context);
  runNamespaceLifecycle(context);
  runScheduler(context);
  runJobs(context);
  runReplicaSets(context);
  runDeployments(context);
  runStatefulSets(context);
  runQuotaStatus(context);
  runEndpoints(context);
}
