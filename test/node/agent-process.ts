/** A real agent of the bundle as a child, and a supervisor played by the test. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { Settings } from '../../src/config/schema.ts';
import { containerOptions } from '../../src/engine/container-options.ts';
import { jobPaths } from '../../src/job/layout.ts';
import { portsOfSlot } from '../../src/node/slots.ts';
import { createAssembler } from '../../src/protocol/frames.ts';
import { FromAgent } from '../../src/protocol/from-agent.ts';
import type { JobSpec, ToAgents } from '../../src/protocol/to-agents.ts';
import { PROTOCOL } from '../../src/protocol/version.ts';
import { type PackedRelease, packRelease } from '../../src/provision/pack-release.ts';
import { StepTimeouts } from '../../src/setting/bring-up.ts';
import { processesOf, scratch, until } from '../process/scratch.ts';

export const BUNDLE = fileURLToPath(new URL('../../bin/unet.js', import.meta.url));
const REHEARSAL = fileURLToPath(new URL('../../dist/rehearsal', import.meta.url));

type Of<T extends FromAgent['type']> = Extract<FromAgent, { type: T }>;

/** One node of one job on this machine, in directories of its own. */
export class AgentPlace {
  readonly directory = scratch();
  readonly nodeDir = join(this.directory, 'node');
  readonly paths = jobPaths(join(this.directory, 'job'));
  readonly jobId = `local-${this.directory.slice(-6).toLowerCase()}`;
  /** This user's node-local directory, which unet makes. */
  readonly root = join(this.nodeDir, `unet-${userInfo().uid}`);

  constructor() {
    for (const path of [this.nodeDir, this.paths.directory, join(this.directory, 'tmp')]) {
      mkdirSync(path, { mode: 0o700 });
    }
    writeFileSync(this.paths.nonce, 'the nonce');
  }

  spec(changes: Partial<JobSpec> = {}): JobSpec {
    return {
      type: 'spec',
      protocol: PROTOCOL,
      unet: '0.0.0-test',
      jobId: this.jobId,
      epoch: 1,
      mode: 'bring-up',
      lead: 'node-0',
      nodes: ['node-0'],
      oneHost: true,
      jobDir: this.paths.directory,
      nonce: 'the nonce',
      nodeDir: this.nodeDir,
      engine: 'auto',
      container: containerOptions(Settings.parse({})),
      // Milliseconds already: what a schema reads are texts.
      stepTimeouts: StepTimeouts.parse({}),
      heartbeatMs: 1000,
      silenceMs: 30_000,
      scheduler: { kind: 'local' },
      clusterName: 'default',
      tools: [],
      joinAttempts: 1,
      timeoutMs: 60_000,
      ...changes,
    };
  }

  start({ env = {}, node = process.execPath }: { env?: NodeJS.ProcessEnv; node?: string } = {}): Agent {
    const child = spawn(node, [BUNDLE, 'node', 'agent', '--job', this.jobId, '--node', 'node-0'], {
      env: { PATH: process.env.PATH, HOME: this.directory, TMPDIR: join(this.directory, 'tmp'), ...env },
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    return new Agent(this, child);
  }

  /** The rehearsal release as the supervisor packs it. */
  rehearsal(): Promise<PackedRelease> {
    return packRelease(
      { kind: 'rehearsal' },
      {
        destination: this.paths.release,
        rehearsalDir: REHEARSAL,
        env: { PATH: process.env.PATH ?? '' },
        timeoutMs: 30_000,
        signal: new AbortController().signal,
      },
    );
  }

  /** Living processes of this place: agents, steps, rehearsed nodes. */
  processes(): number[] {
    return processesOf(this.directory);
  }

  /** What is left in the node-local place. */
  files(): string[] {
    return readdirSync(this.nodeDir, { recursive: true }).map(String);
  }
}

export class Agent {
  readonly said: FromAgent[] = [];
  readonly exited: Promise<number | null>;
  readonly child: ChildProcess;
  private readonly place: AgentPlace;

  constructor(place: AgentPlace, child: ChildProcess) {
    this.place = place;
    this.child = child;
    // Its streams are read to their end by then, and so is its last message.
    this.exited = once(child, 'close').then(([code]) => code as number | null);
    child.stdin?.on('error', () => {}); // it may have ended already
    const assemble = createAssembler(
      (message) => this.said.push(FromAgent.parse(message)),
      () => {},
    );
    if (child.stdout !== null) {
      createInterface({ input: child.stdout }).on('line', assemble);
    }
  }

  send(message: ToAgents | Record<string, unknown>): void {
    this.child.stdin?.write(`${JSON.stringify(message)}\n`);
  }

  endInput(): void {
    this.child.stdin?.end();
  }

  /** The first message of `type` that `wanted` likes; fails when the agent ends before. */
  async heard<T extends FromAgent['type']>(
    type: T,
    wanted: (message: Of<T>) => boolean = () => true,
  ): Promise<Of<T>> {
    let ended = false;
    void this.exited.then(() => {
      ended = true;
    });
    return await until(() => {
      const found = this.said.find(
        (message): message is Of<T> => message.type === type && wanted(message as Of<T>),
      );
      if (found === undefined && ended) {
        throw new Error(`the agent ended without "${type}": ${JSON.stringify(this.said)}`);
      }
      return found;
    });
  }

  /** Greets and is given all that a lead needs. */
  async lead(
    release: Pick<PackedRelease, 'sha256' | 'bytes' | 'file'>,
    changes: Partial<JobSpec> = {},
  ): Promise<void> {
    this.send(this.place.spec(changes));
    const { slot } = await this.heard('hello');
    this.send({ type: 'release', sha256: release.sha256, bytes: release.bytes, path: release.file });
    const assignment = {
      index: 0,
      nodeName: 'u7s-node-0',
      subnet: `10.${100 + slot}.0.0/24`,
      ports: portsOfSlot(slot),
    };
    this.send({
      type: 'assign',
      joinVia: 'shared-fs',
      leadAddress: '127.0.0.1',
      nodes: { 'node-0': assignment },
    });
  }

  async step<S extends Of<'step'>['state']>(
    state: S,
    step: Of<'step'>['step'],
  ): Promise<Extract<Of<'step'>, { state: S }>> {
    const heard = await this.heard('step', (message) => message.state === state && message.step === step);
    return heard as Extract<Of<'step'>, { state: S }>;
  }
}
