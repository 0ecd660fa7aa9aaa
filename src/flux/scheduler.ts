/** Flux, as src/scheduler describes it. */
import type { TransportName } from '../join/transports.ts';
import type { Allocation } from '../scheduler/allocation.ts';
import { withoutScheduler } from '../scheduler/none.ts';
import { refusingLauncher } from '../scheduler/refusing-launcher.ts';
import type { Scheduler, SchedulerJob } from '../scheduler/scheduler.ts';
import { fluxAllocation } from './allocation.ts';
import { archiveBroadcast } from './broadcast.ts';
import { brokerWatch } from './broker-watch.ts';
import { pushCleanup } from './cleanup.ts';
import { type FluxDetails, fluxDetails } from './details.ts';
import { enclosingCluster } from './enclosing-cluster.ts';
import { fluxCommandArgv } from './exec.ts';
import { fluxEnvironment } from './flux.ts';
import { fluxHooks } from './hooks.ts';
import { ARCHIVE_SINCE, FILEMAP_SINCE } from './instance.ts';
import { fluxJobRecord, fluxMemoRecord } from './job-record.ts';
import { fluxExecLauncher } from './launcher.ts';
import { onRank0, rank0Refuses } from './on-lead.ts';
import { tooOld } from './too-old.ts';
import { removeFluxTraces, removeMemoOf } from './traces.ts';

export const flux: Scheduler = {
  howToGetOne: 'a script of flux batch, or a shell of flux alloc',
  variable: 'FLUX_URI',
  describe: ({ env, clusterName, signal }) => fluxAllocation(env, clusterName, signal),
  open,
  hooks: fluxHooks,
};

function open(allocation: Allocation, env: NodeJS.ProcessEnv): SchedulerJob {
  const details = fluxDetails(allocation);
  const job = {
    ...withoutScheduler(env),
    onOneHost: allocation.sharesHosts === true,
  };
  return details === undefined
    ? {
        ...job,
        launcher: refusingLauncher(
          'only the prolog starts agents in this job, which has no Flux instance of its own',
        ),
        ...inPrologsJob(allocation, env),
      }
    : { ...job, ...inInstance(allocation, details, env) };
}

/** A job of a user in somebody else's instance: it has the memo on it, and no KVS. */
function inPrologsJob(
  { schedulerJobId, attached }: Allocation,
  env: NodeJS.ProcessEnv,
): Partial<SchedulerJob> {
  if (schedulerJobId === undefined) {
    return {};
  }
  const uri = typeof attached?.uri === 'string' ? attached.uri : env.FLUX_URI;
  const job = { uri, jobId: schedulerJobId };
  return {
    ...(attached === undefined ? {} : { record: fluxMemoRecord(job, env) }),
    removeTraces: (clusterName) => removeMemoOf(job, clusterName, env),
  };
}

function inInstance(
  { jobId, nodes, self }: Allocation,
  details: FluxDetails,
  env: NodeJS.ProcessEnv,
): Pick<SchedulerJob, 'launcher'> & Partial<SchedulerJob> {
  const { uri, files, version } = details;
  const [lead] = nodes;
  const environment = () => fluxEnvironment(env, uri);
  return {
    launcher: fluxExecLauncher({ uri, ranks: nodes, self }),
    environment,
    command: (node, argv, how) => {
      const rank = nodes.indexOf(node);
      const refused = rank === 0 && self !== node && rank0Refuses(version);
      return rank < 0 || refused ? undefined : fluxCommandArgv(rank, argv, how);
    },
    ...(lead === undefined || lead === self ? {} : { onLead: onRank0(lead, self, uri, version) }),
    joinTransports: TRANSPORTS[files ?? 'none'],
    tools: files === undefined ? [] : ['flux'],
    whyNoArchive: (what, instead, wanted) =>
      tooOld(version, wanted === 'join' ? FILEMAP_SINCE : ARCHIVE_SINCE, what, instead),
    record: fluxJobRecord(jobId, details, env),
    ...(files === 'archive' ? { broadcast: archiveBroadcast(uri, env) } : {}),
    atScriptEnd: (argv, onlyIf) => pushCleanup(argv, onlyIf, { env: environment() }),
    watchEnd: () => brokerWatch(details, env),
    removeTraces: (clusterName) => removeFluxTraces(jobId, details, clusterName, env),
    enclosingCluster: () => enclosingCluster(details, env),
  };
}

const TRANSPORTS = {
  archive: ['flux-archive', 'shared-fs', 'stdio'],
  // `flux filemap` does not wait for a file: a shared filesystem is better.
  filemap: ['shared-fs', 'flux-archive', 'stdio'],
  none: ['shared-fs', 'stdio'],
} satisfies Record<string, TransportName[]>;
