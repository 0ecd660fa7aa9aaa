/** Before an agent greets: its directory, what an earlier agent left, whether the job directory is shared, ports, tools. */
import { readFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import which from 'which';
import { UnetError } from '../errors.ts';
import { ensurePrivateDirectory } from '../files/private-directory.ts';
import { jobPaths, userNodeDirectory } from '../job/layout.ts';
import { ownArchitecture } from '../pack/architecture.ts';
import { childEnvironment } from '../process/environment.ts';
import { endProcessesIn } from '../process/inside.ts';
import { toolMissing } from '../process/run.ts';
import { addressOfInterface, leadAddress } from './address.ts';
import { seesPack } from './pack.ts';
import { type Hello, type JobSpec, PROTOCOL } from './protocol.ts';
import { readRecord } from './record.ts';
import { type Claim, claimSlot, SLOTS } from './slots.ts';
import { teardown } from './teardown.ts';

const AGENT_POLL_MS = 50;

export type Prepared = {
  /** This user's node-local directory. */
  root: string;
  /** This node's, below it. */
  directory: string;
  seesJobDir: boolean;
  seesPack: boolean | undefined;
  problem?: UnetError;
};

/** Makes the node's directory, after cleaning what a dead agent of the same job left there. Never throws. */
export async function prepare(spec: JobSpec, node: string, env: NodeJS.ProcessEnv): Promise<Prepared> {
  const root = userNodeDirectory(spec.nodeDir);
  const prepared: Prepared = {
    root,
    directory: join(root, spec.jobId, node),
    seesJobDir: spec.mode === 'bring-up' && (await seesNonce(jobPaths(spec.jobDir).nonce, spec.nonce)),
    seesPack: spec.mode === 'bring-up' ? await seesPack(spec) : undefined,
  };
  try {
    await endLivingAgent(spec, prepared.directory);
    await endProcessesIn(prepared.directory);
    if (spec.mode === 'clean') {
      return prepared;
    }
    refuseBlanks(prepared.directory);
    await ensurePrivateDirectory(root);
    await clearLeftovers(spec, prepared, env);
    await ensurePrivateDirectory(prepared.directory);
  } catch (error) {
    prepared.problem = UnetError.from(error).with({ node });
  }
  return prepared;
}

/** make takes a blank in the path of its directory for the end of a name. */
function refuseBlanks(directory: string): void {
  if (/[\s:#$%]/.test(directory)) {
    throw new UnetError(
      'UNET_CONFIG_INVALID',
      `make cannot work in "${directory}": it has a blank, or one of : # $ %`,
      {
        fatal: true,
        remedy: 'name another parent with --node-dir, such as /tmp',
      },
    );
  }
}

/** The hello, and the slot of ports that it names. */
export async function greet(
  spec: JobSpec,
  options: { node: string; unet: string; env: NodeJS.ProcessEnv },
  prepared: Prepared,
): Promise<{ hello: Hello; claim: Claim | undefined }> {
  const { node } = options;
  const isLead = node === spec.lead;
  const [claim, problem, address] = await Promise.all([
    claimSlot(0),
    prepared.problem ?? missingTool(options.env),
    isLead ? ownAddress(spec) : undefined,
  ]);
  const trouble =
    problem ??
    (UnetError.is(address) ? address : undefined) ??
    (claim === undefined
      ? new UnetError('UNET_PORTS_TAKEN', `none of the ${SLOTS} slots of ports is free`, {
          remedy: 'what listens on this node? see "ss -ltnup"',
        })
      : undefined);
  return {
    claim,
    hello: {
      type: 'hello',
      node,
      protocol: PROTOCOL,
      unet: options.unet,
      host: hostname(),
      pid: process.pid,
      nodeDir: prepared.root,
      seesJobDir: prepared.seesJobDir,
      seesPack: prepared.seesPack,
      architecture: ownArchitecture(),
      slot: claim?.slot ?? -1,
      ...(typeof address === 'string' ? { address } : {}),
      ...(trouble === undefined ? {} : { problem: trouble.with({ node }).toRecord() }),
    },
  };
}

async function ownAddress(spec: JobSpec): Promise<string | UnetError> {
  try {
    if (spec.interface !== undefined) {
      return addressOfInterface(spec.interface);
    }
    return await leadAddress(spec.oneHost ? [] : spec.nodes.filter((name) => name !== spec.lead));
  } catch (error) {
    return UnetError.from(error);
  }
}

/** What an agent that was killed left: its containers and directory. */
async function clearLeftovers(spec: JobSpec, prepared: Prepared, env: NodeJS.ProcessEnv): Promise<void> {
  await teardown({
    directory: prepared.directory,
    root: prepared.root,
    env: childEnvironment(env),
    timeoutMs: spec.stepTimeouts.down,
    onLine: () => {},
  });
}

/**
 * Lets an agent that has lost its supervisor and does not know it yet take its node away by itself: cleaning behind its
 * back, it might start what was just removed.
 */
async function endLivingAgent(spec: JobSpec, directory: string): Promise<void> {
  const pid = (await readRecord(directory).catch(() => undefined))?.pid;
  if (pid === undefined || !(await isAgent(pid, spec.jobId))) {
    return;
  }
  signal(pid, 'SIGTERM');
  const deadline = performance.now() + spec.stepTimeouts.down;
  while (await isAgent(pid, spec.jobId)) {
    if (performance.now() > deadline) {
      signal(pid, 'SIGKILL');
    }
    await sleep(AGENT_POLL_MS);
  }
}

function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch {
    // It has just ended.
  }
}

/** Whether `pid` is a living agent of this job, and not another process that has got its number. */
async function isAgent(pid: number, jobId: string): Promise<boolean> {
  const command = (await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')).split('\0');
  return pid !== process.pid && command.includes('agent') && command.includes(jobId);
}

async function missingTool(env: NodeJS.ProcessEnv): Promise<UnetError | undefined> {
  const { PATH: path = '' } = childEnvironment(env);
  return (await which('make', { path, nothrow: true })) === null ? toolMissing('make') : undefined;
}

/** Twice, since a directory that was made a moment ago may not be visible at once on another client. */
async function seesNonce(path: string, nonce: string): Promise<boolean> {
  for (const waitMs of [0, 300]) {
    await sleep(waitMs);
    if ((await readFile(path, 'utf8').catch(() => undefined))?.trim() === nonce) {
      return true;
    }
  }
  return false;
}
