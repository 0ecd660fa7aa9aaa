/** Before an agent greets: its directory, what an earlier agent left, whether the job directory is shared, ports, tools. */
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import which from 'which';
import { UnetError } from '../errors.ts';
import { ensurePrivateDirectory } from '../files/private-directory.ts';
import { jobPaths } from '../job/layout.ts';
import { chooseNodeDirectory, nodeDirectories, nodeParents } from '../job/node-directory.ts';
import { addressOfInterface, leadAddress, reachableAddresses } from '../launch/address.ts';
import { ownArchitecture } from '../pack/architecture.ts';
import { childEnvironment } from '../process/environment.ts';
import { ownBoot } from '../process/identity.ts';
import { endProcessesIn } from '../process/inside.ts';
import { toolMissing } from '../process/run.ts';
import type { Hello } from '../protocol/from-agent.ts';
import type { JobSpec } from '../protocol/to-agents.ts';
import { PROTOCOL } from '../protocol/version.ts';
import { endAgent } from './end-agent.ts';
import { awaitGuardian } from './guardian-file.ts';
import { openScheduler } from './open-scheduler.ts';
import { seesPack } from './receive-pack.ts';
import { readNodeRecord } from './record.ts';
import { claimSlot, SLOTS, type SlotClaim } from './slots.ts';
import { teardown } from './teardown.ts';

// A host with containers has many.
const MAX_ADDRESSES = 32;

export type Prepared = {
  /** This user's node-local directory. */
  root: string;
  /** This node's, below it. */
  directory: string;
  seesJobDir: boolean;
  seesPack: boolean | undefined;
  problem?: UnetError;
};

/**
 * Makes the node's directory in the first place that will do, after cleaning what a dead agent of the same job left in
 * any of them. Never throws.
 */
export async function prepare(spec: JobSpec, node: string, env: NodeJS.ProcessEnv): Promise<Prepared> {
  const places = await placesOf(spec, node);
  const prepared: Prepared = {
    ...(places.find(({ directory }) => existsSync(directory)) ?? places[0] ?? { root: '', directory: '' }),
    seesJobDir: spec.mode === 'bring-up' && (await seesNonce(jobPaths(spec.jobDir).nonce, spec.nonce)),
    seesPack: spec.mode === 'bring-up' ? await seesPack(spec) : undefined,
  };
  try {
    for (const { directory } of places) {
      await endAgent(await readNodeRecord(directory).catch(() => undefined), spec.stepTimeouts.down);
      await awaitGuardian(directory, spec.stepTimeouts.down);
      await endProcessesIn(directory);
    }
    const others = places.filter(({ directory }) => directory !== prepared.directory);
    for (const place of others) {
      await clearLeftovers(spec, place, env).catch(unlessForeign);
    }
    if (spec.mode === 'clean') {
      return prepared;
    }
    await clearLeftovers(spec, prepared, env).catch(unlessForeign);
    prepared.root = await chooseNodeDirectory(nodeParents(spec.nodeDir), {
      shared: spec.nodeDirShared === true,
      refuse: refuseBlanks,
    });
    prepared.directory = join(prepared.root, spec.jobId, node);
    await ensurePrivateDirectory(prepared.directory);
  } catch (error) {
    prepared.problem = UnetError.from(error).with({ node });
  }
  return prepared;
}

/** Where this node's directory may be; not those of another cluster of the same name. */
async function placesOf(spec: JobSpec, node: string): Promise<{ root: string; directory: string }[]> {
  const all = nodeDirectories(spec.nodeDir).map((root) => ({
    root,
    directory: join(root, spec.jobId, node),
  }));
  // A scheduler's job ids are its own. `local-default` is everybody's who has another TMPDIR and --job-dir.
  if (!openScheduler(spec, node, process.env).madeUpNodes) {
    return all;
  }
  const records = await Promise.all(
    all.map(({ directory }) => readNodeRecord(directory).catch(() => undefined)),
  );
  return all.filter((_, index) => index === 0 || records[index]?.jobDir === spec.jobDir);
}

/** What somebody else could have put there is not ours to clean; that it is not used is seen to when a place is chosen. */
function unlessForeign(error: unknown): void {
  if (!UnetError.is(error) || error.code !== 'UNET_UNSAFE_PATH') {
    throw error;
  }
}

/** make takes a blank in a path for the end of a name, and gives the path of the compose wrapper to a shell unquoted. */
function refuseBlanks(directory: string): void {
  if (/[^\p{L}\p{N}/._+@,=-]/u.test(directory)) {
    throw new UnetError(
      'UNET_CONFIG_INVALID',
      `make cannot work in "${directory}": the path contains a space or a character that is special to make or the shell`,
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
): Promise<{ hello: Hello; claim: SlotClaim | undefined }> {
  const { node } = options;
  const isLead = node === spec.lead;
  const [claim, problem, address] = await Promise.all([
    claimSlot(0),
    prepared.problem ?? missingTool(spec, options.env),
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
      boot: ownBoot(),
      pid: process.pid,
      nodeDir: prepared.root,
      seesJobDir: prepared.seesJobDir,
      seesPack: prepared.seesPack,
      architecture: ownArchitecture(),
      slot: claim?.slot ?? -1,
      ...(typeof address === 'string' ? { address } : {}),
      addresses: reachableAddresses().slice(0, MAX_ADDRESSES),
      clock: Date.now(),
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
async function clearLeftovers(
  spec: JobSpec,
  { root, directory }: Pick<Prepared, 'root' | 'directory'>,
  env: NodeJS.ProcessEnv,
): Promise<void> {
  await teardown({
    directory,
    root,
    env: childEnvironment(env),
    timeoutMs: spec.stepTimeouts.down,
    onLine: () => {},
  });
}

async function missingTool(spec: JobSpec, env: NodeJS.ProcessEnv): Promise<UnetError | undefined> {
  const { PATH: path = '' } = childEnvironment(env);
  const lacks = async (tool: string) => (await which(tool, { path, nothrow: true })) === null;
  if (await lacks('make')) {
    return toolMissing('make');
  }
  for (const tool of spec.tools) {
    if (await lacks(tool)) {
      return toolMissing(tool, 'was not found on PATH', undefined, 'or use --join-via shared-fs or stdio');
    }
  }
  return undefined;
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
