/**
 * The supervisor: one resident process of a job. It starts the agents, brings them to one plan, follows them, keeps the
 * job's state on disk, answers commands on its socket, and sees to it that all is taken away in the end.
 */
import { randomBytes } from 'node:crypto';
import { hostname } from 'node:os';
import { type ErrorRecord, UnetError } from '../errors.ts';
import { createEventLog, type EventLog } from '../events/log.ts';
import { summarize } from '../events/summarize.ts';
import type { ClusterPhase, EventBody, NodePhase, UnetEvent } from '../events/types.ts';
import { ensurePrivateDirectory } from '../files/private-directory.ts';
import { writePrivateFile } from '../files/private-file.ts';
import { buryJob } from '../job/bury.ts';
import { type JobPaths, jobPaths } from '../job/layout.ts';
import { type JobState, readState, STATE_VERSION } from '../job/state.ts';
import { chooseTransport } from '../join/transport.ts';
import { launchFailure } from '../launch/failure.ts';
import type { Launcher } from '../launch/launcher.ts';
import { checkPeer, type FromAgent, type Hello, type JobSpec, PROTOCOL } from '../node/protocol.ts';
import { type Agents, launcherFor, startAgents } from './agents.ts';
import { cleanNodes } from './clean.ts';
import { createJoinWindow } from './join-window.ts';
import { createReleaseSender } from './release-sender.ts';
import type { SupervisorRequest } from './request.ts';
import { assignmentOf, createRoster, isOut, type NodeEntry } from './roster.ts';
import { describePending, judge } from './settle.ts';
import { createSlotAgreement } from './slot-agreement.ts';

// Agents that greet within this time of the lead are waited for before ports are agreed on.
const GREETING_GRACE_MS = 5000;
// What the agents need beside make down-v: two tries of it, and the end of their own steps.
const STOP_MARGIN_MS = 15_000;
// Deleting a Node takes one call; without an answer kubeadm's own check decides.
const FORGET_TIMEOUT_MS = 15_000;
// srun ends some milliseconds after its last task.
const LAUNCHER_END_MS = 5000;
const DIAGNOSTIC_LINES = 40;
const STATE_RENEWAL_MS = 10_000;

export type SupervisorOptions = SupervisorRequest & { env: NodeJS.ProcessEnv; note: (line: string) => void };

export class Supervisor {
  readonly events: EventLog;
  readonly paths: JobPaths;
  /** Resolves when everything is taken away and the supervisor may end. */
  readonly over: Promise<void>;
  private finish = () => {};
  private readonly options: SupervisorOptions;
  private readonly launcher: Launcher;
  private readonly roster: Map<string, NodeEntry>;
  private readonly lead: NodeEntry;
  private readonly spec: JobSpec;
  private readonly launches: Agents[] = [];
  private readonly timers = new Set<NodeJS.Timeout>();
  private readonly diagnostics: string[] = [];
  private readonly agreement: ReturnType<typeof createSlotAgreement>;
  private readonly joinWindow: ReturnType<typeof createJoinWindow>;
  private readonly release: ReturnType<typeof createReleaseSender>;
  /** Nodes whose agent has died, and what came of cleaning after it. */
  private readonly cleaning = new Map<string, Promise<UnetError[]>>();
  /** Nodes that join when the API server has forgotten their earlier try. */
  private readonly forgetting = new Map<string, () => void>();
  private readonly aborting = new AbortController();
  private phase: ClusterPhase = 'starting';
  private since = new Date();
  private epoch: number;
  private startedAt = performance.now();
  private joinVia: 'shared-fs' | 'stdio' | undefined;
  private dns = false;
  private greetingOver = false;
  private apiServer: { address: string; port: number } | undefined;
  private error: ErrorRecord | undefined;
  private socket = '';
  private writing: Promise<void> = Promise.resolve();
  private queued: Promise<void> | undefined;
  private deadline: NodeJS.Timeout | undefined;

  constructor(options: SupervisorOptions, epoch: number) {
    const { allocation, settings } = options;
    this.options = options;
    this.epoch = epoch;
    this.paths = jobPaths(options.jobDir);
    this.events = createEventLog();
    this.launcher = launcherFor(allocation);
    this.roster = createRoster(allocation.nodes);
    const [lead] = this.roster.values();
    if (lead === undefined) {
      throw new UnetError('UNET_NO_ALLOCATION', 'the allocation has no nodes');
    }
    this.lead = lead;
    this.over = new Promise((resolve) => {
      this.finish = resolve;
    });
    this.spec = {
      type: 'spec',
      protocol: PROTOCOL,
      unet: options.unet,
      jobId: allocation.jobId,
      epoch,
      mode: 'bring-up',
      lead: lead.name,
      nodes: [...allocation.nodes],
      oneHost: allocation.kind === 'local',
      jobDir: options.jobDir,
      nonce: randomBytes(16).toString('hex'),
      nodeDir: settings.nodeDir,
      engine: settings.engine,
      compose: settings.compose,
      interface: settings.interface,
      stepTimeouts: settings.stepTimeouts,
      heartbeatMs: settings.heartbeat,
      silenceMs: settings.silence,
      joinAttempts: settings.joinAttempts,
      timeoutMs: settings.timeout,
    };
    this.agreement = createSlotAgreement(
      (slot, round) => this.send({ type: 'claim', slot, round }),
      (slot) => this.assignAll(slot),
    );
    this.joinWindow = createJoinWindow(settings.joinWindow, (node) => this.send({ type: 'grant', node }));
    this.release = createReleaseSender({
      reference: settings.release,
      cwd: options.cwd,
      destination: this.paths.release,
      env: options.env,
      timeoutMs: settings.stepTimeouts.stage,
      signal: this.aborting.signal,
      send: (message) => this.send(message),
    });
  }

  /** Starts the bring-up; what comes of it is in the events. @param socket where commands reach this supervisor. */
  async start(socket: string): Promise<void> {
    this.socket = socket;
    const { allocation, settings } = this.options;
    await writePrivateFile(this.paths.nonce, this.spec.nonce);
    await ensurePrivateDirectory(this.paths.join);
    this.emit({
      type: 'plan',
      jobId: allocation.jobId,
      allocation: allocation.kind,
      lead: this.lead.name,
      nodes: [...allocation.nodes],
      release: settings.release,
      logs: this.paths.logs,
    });
    await this.setPhase('bringing-up');
    this.armDeadline();
    this.every(settings.heartbeat, () => this.heartbeat());
    this.every(STATE_RENEWAL_MS, () => void this.save());
    this.launch([...this.roster.keys()]);
    this.after(settings.stepTimeouts.hello, () => this.missSilent());
    this.release.prepare().catch((error: unknown) => this.fail(UnetError.from(error)));
  }

  /** What somebody who comes now has to see: the plan, and the current bring-up or what came of it. */
  introduction(): { events: UnetEvent[]; lastSeq: number } {
    const all = this.events.events();
    const plan = all.find(({ type }) => type === 'plan');
    const from = all.findLastIndex((event) => event.type === 'cluster' && event.phase === 'bringing-up');
    const current = all.slice(Math.max(from, 0));
    const settled = this.phase === 'usable' || this.phase === 'degraded';
    const news = settled
      ? current.filter(({ type }) => type === 'cluster' || type === 'error' || type === 'summary')
      : current;
    const events = plan === undefined || news.includes(plan) ? news : [plan, ...news];
    return { events, lastSeq: all.at(-1)?.seq ?? 0 };
  }

  /** Tries again what failed or is missing. Nothing when all is up, or under way. */
  resume(): void {
    if (this.phase === 'failed') {
      // Kept by --retain: the way on is from the start, on clean nodes. Who asked starts another supervisor then.
      void this.stop('starting again');
      return;
    }
    const again = [...this.roster.values()].filter((node) => isOut(node.phase) && node.role === 'worker');
    if ((this.phase !== 'usable' && this.phase !== 'degraded') || again.length === 0) {
      return;
    }
    this.epoch += 1;
    this.startedAt = performance.now();
    void this.setPhase('bringing-up', `trying again: ${again.map(({ name }) => name).join(', ')}`);
    this.armDeadline();
    this.send({ type: 'publish-again', epoch: this.epoch });
    const relaunch: string[] = [];
    for (const node of again) {
      delete node.error;
      node.kubeReady = false;
      this.setNode(node, node.gone || node.hello === undefined ? 'waiting' : 'working');
      if (node.gone || node.hello === undefined) {
        Object.assign(node, { assigned: false, gone: false, clean: false });
        this.cleaning.delete(node.name);
        delete node.hello;
        delete node.heard;
        relaunch.push(node.name);
      } else {
        this.send({ type: 'retry', node: node.name, epoch: this.epoch });
      }
    }
    if (relaunch.length > 0) {
      this.launch(relaunch);
      this.after(this.options.settings.stepTimeouts.hello, () => this.missSilent());
    }
    void this.save();
  }

  /** Takes everything away and ends. Repeatable. */
  async stop(reason: string): Promise<void> {
    if (this.phase === 'stopping' || this.phase === 'stopped') {
      return;
    }
    void this.setPhase('stopping', reason);
    this.aborting.abort(new UnetError('UNET_INTERRUPTED', reason));
    clearTimeout(this.deadline);
    this.send({ type: 'stop', reason });
    const allGone = () => [...this.roster.values()].every(({ gone, hello }) => gone || hello === undefined);
    await this.until(allGone, 2 * this.options.settings.stepTimeouts.down + STOP_MARGIN_MS);
    for (const launch of this.launches) {
      launch.endInput();
    }
    // srun is not signalled while an agent may live: SIGTERM to it is SIGKILL to its tasks, with nothing before. And it
    // never ends by itself when a node has died. Both seen with Slurm 22.05.
    if ([...this.roster.values()].every(({ phase }) => phase === 'removed')) {
      const ended = Promise.all(this.launches.map((launch) => launch.ended));
      await Promise.race([
        ended,
        new Promise((resolve) => this.after(LAUNCHER_END_MS, () => resolve(undefined))),
      ]);
    }
    await Promise.all(this.launches.map((launch) => launch.terminate(2000)));
    const problems = await this.cleanRest();
    for (const problem of problems) {
      this.emit({ type: 'error', error: problem.toRecord() });
      this.error ??= problem.toRecord();
    }
    this.timers.forEach((timer) => clearTimeout(timer));
    await this.setPhase('stopped', reason);
    await buryJob(this.paths, { keepLogs: this.error !== undefined });
    this.finish();
  }

  /** Writes the state down, one write at a time; what changes meanwhile is in the next. Resolves when it is on disk. */
  save(): Promise<void> {
    this.queued ??= this.writing.then(() => {
      this.queued = undefined;
      this.writing = writePrivateFile(this.paths.state, `${JSON.stringify(this.state(), null, 2)}\n`).catch(
        (error: unknown) => this.options.note(`the state could not be written: ${String(error)}`),
      );
      return this.writing;
    });
    return this.queued;
  }

  private state(): JobState {
    const { allocation, settings, unet } = this.options;
    return {
      version: STATE_VERSION,
      unet,
      jobId: allocation.jobId,
      epoch: this.epoch,
      allocation: {
        kind: allocation.kind,
        schedulerJobId: allocation.schedulerJobId,
        endsAt: allocation.endsAt,
      },
      release: settings.release,
      lead: this.lead.name,
      phase: this.phase,
      since: this.since.toISOString(),
      supervisor: {
        host: hostname(),
        pid: process.pid,
        socket: this.socket,
        alive: new Date().toISOString(),
      },
      kubeconfig: this.apiServer === undefined ? undefined : this.paths.kubeconfig,
      apiServer: this.apiServer,
      nodes: [...this.roster.values()].map((node) => ({
        name: node.name,
        role: node.role,
        phase: node.phase,
        nodeName: node.nodeName,
        host: node.hello?.host,
        nodeDir: node.hello?.nodeDir,
        step: [...node.steps].at(-1),
        message: node.error?.message ?? (node.phase === 'joined' ? node.kubeMessage : undefined),
        clean: node.clean,
      })),
      error: this.error === undefined ? undefined : { ...this.error },
    };
  }

  private launch(nodes: string[]): void {
    const agents = startAgents({
      launcher: this.launcher,
      nodes,
      jobId: this.options.allocation.jobId,
      env: this.options.env,
      onMessage: (message) => this.receive(message),
      onDiagnostic: (line) => {
        this.options.note(line);
        this.diagnostics.push(line);
        this.diagnostics.splice(0, this.diagnostics.length - DIAGNOSTIC_LINES);
      },
      onExit: (ended, reason) => {
        // A bye that is still in the pipe explains the exit.
        this.after(100, () => (ended ?? nodes).forEach((node) => this.exited(node, reason)));
      },
    });
    this.launches.push(agents);
    agents.send({ ...this.spec, epoch: this.epoch });
  }

  private receive(message: FromAgent): void {
    const node = this.roster.get(message.node);
    if (node === undefined) {
      this.options.note(`a message of the unknown node ${message.node}`);
      return;
    }
    node.heard = performance.now();
    switch (message.type) {
      case 'hello':
        this.greeted(node, message);
        break;
      case 'claimed':
        this.claimed(node, message.slot);
        break;
      case 'started':
        node.steps.add(message.step);
        this.emit({ type: 'step', node: node.name, step: message.step, state: 'started' });
        void this.save();
        break;
      case 'done':
        node.steps.delete(message.step);
        this.emit({ type: 'step', node: node.name, step: message.step, state: 'done', ms: message.ms });
        // The control plane's own node registers during init.
        if (message.step === 'join' || message.step === 'init') {
          this.joined(node);
        }
        break;
      case 'failed':
        node.steps.delete(message.step);
        this.emit({
          type: 'step',
          node: node.name,
          step: message.step,
          state: 'failed',
          ms: message.ms,
          error: message.error,
        });
        this.nodeFailed(node, UnetError.fromRecord(message.error));
        break;
      case 'retrying':
        this.emit({
          type: 'step',
          node: node.name,
          step: message.step,
          state: 'retrying',
          attempt: message.attempt,
          inMs: message.inMs,
          message: message.message,
        });
        break;
      case 'warning':
        this.emit({ type: 'warning', node: node.name, message: message.message });
        break;
      case 'want-join':
        this.wantJoin(node);
        break;
      case 'forgotten':
        this.forgetting.get(message.nodeName)?.();
        break;
      case 'join-over':
        this.joinWindow.over(node.name);
        break;
      case 'join-record':
        this.send({ type: 'join-record', record: message.record });
        break;
      case 'kubeconfig':
        void this.kubeconfig(message.apiServer, message.content);
        break;
      case 'kube-node':
        this.kubeNode(message);
        break;
      case 'dns':
        this.dnsAnswers();
        break;
      case 'bye':
        this.bye(node, message.clean, message.problem);
        break;
      case 'beat':
        break;
    }
  }

  private greeted(node: NodeEntry, hello: Hello): void {
    node.hello = hello;
    try {
      checkPeer(hello, this.options.unet, node.name);
    } catch (error) {
      this.nodeFailed(node, UnetError.from(error).with({ node: node.name }));
      return;
    }
    if (hello.problem !== undefined) {
      this.nodeFailed(node, UnetError.fromRecord(hello.problem));
      return;
    }
    this.setNode(node, 'working');
    this.agreement.holds(node.name, hello.slot);
    if (this.greetingOver) {
      this.welcomeLate(node, hello.slot);
      return;
    }
    if (node === this.lead) {
      this.after(GREETING_GRACE_MS, () => this.closeGreeting());
    }
    if ([...this.roster.values()].every((other) => other.hello !== undefined || isOut(other.phase))) {
      this.closeGreeting();
    }
  }

  /** Who has greeted by now gets one plan; the others may come later, on what was agreed. */
  private closeGreeting(): void {
    const present = [...this.roster.values()].filter(
      (node) => node.hello !== undefined && !isOut(node.phase),
    );
    if (this.greetingOver || this.phase !== 'bringing-up' || !present.includes(this.lead)) {
      return;
    }
    this.greetingOver = true;
    try {
      this.joinVia = chooseTransport(
        this.options.settings.joinVia,
        present.every(({ hello }) => hello?.seesJobDir === true),
      );
    } catch (error) {
      this.fail(UnetError.from(error));
      return;
    }
    this.release.deliver(present.every(({ hello }) => hello?.seesJobDir === true));
    if (this.spec.oneHost) {
      present.forEach((node) => Object.assign(node, { slot: node.hello?.slot }));
      this.sendAssignments();
    } else {
      this.agreement.start(present.map(({ name }) => name));
    }
  }

  private welcomeLate(node: NodeEntry, slot: number): void {
    this.release.again();
    if (this.spec.oneHost) {
      node.slot = slot;
      this.sendAssignments();
    } else if (this.agreement.agreed() !== undefined) {
      this.send({ type: 'claim', slot: this.agreement.agreed() ?? 0, round: 0 });
    }
    if (node.hello?.seesJobDir === false && this.joinVia === 'shared-fs') {
      this.nodeFailed(
        node,
        new UnetError('UNET_JOIN_FAILED', `${node.name} greeted late and does not see the job directory`, {
          node: node.name,
          remedy: 'use --join-via stdio',
        }),
      );
    }
  }

  private claimed(node: NodeEntry, slot: number): void {
    if (slot < 0) {
      this.nodeFailed(
        node,
        new UnetError('UNET_PORTS_TAKEN', `no slot of ports is free on ${node.name}`, { node: node.name }),
      );
      return;
    }
    this.agreement.holds(node.name, slot);
    const agreed = this.agreement.agreed();
    if (agreed === undefined || node.assigned || isOut(node.phase)) {
      return;
    }
    if (slot === agreed) {
      node.slot = slot;
      this.sendAssignments();
    } else {
      this.nodeFailed(
        node,
        new UnetError(
          'UNET_PORTS_TAKEN',
          `${node.name} greeted late, and the ports of the others are taken there`,
          { node: node.name },
        ),
      );
    }
  }

  private assignAll(slot: number): void {
    for (const node of this.roster.values()) {
      if (this.agreement.heldBy(node.name) === slot && !isOut(node.phase)) {
        node.slot = slot;
      }
    }
    this.sendAssignments();
  }

  private sendAssignments(): void {
    const assigned = [...this.roster.values()].flatMap((node) => {
      const assignment = assignmentOf(node);
      node.assigned ||= assignment !== undefined;
      return assignment === undefined ? [] : [[node.name, assignment] as const];
    });
    this.send({
      type: 'assign',
      joinVia: this.joinVia ?? 'stdio',
      leadAddress: this.lead.hello?.address ?? '127.0.0.1',
      nodes: Object.fromEntries(assigned),
    });
  }

  private joined(node: NodeEntry): void {
    if (node.joinedAt === undefined || node.role === 'worker') {
      node.joinedAt = performance.now();
      node.steps.add('ready');
      this.setNode(node, 'joined');
      this.emit({ type: 'step', node: node.name, step: 'ready', state: 'started' });
      const at = node.joinedAt;
      this.after(this.options.settings.stepTimeouts.ready, () => {
        if (node.phase === 'joined' && node.joinedAt === at) {
          this.notReadyInTime(node);
        }
      });
      if (node.kubeReady) {
        this.ready(node);
      }
    }
  }

  private notReadyInTime(node: NodeEntry): void {
    const seconds = this.options.settings.stepTimeouts.ready / 1000;
    const error = new UnetError(
      'UNET_READY_TIMEOUT',
      `${node.nodeName} joined but was not Ready within ${seconds} s: ${node.kubeMessage ?? 'it is not in the API'}`,
      {
        node: node.name,
        step: 'ready',
        remedy: 'is the CNI running there? "unet kubectl get pods -A -o wide" shows it',
      },
    );
    node.steps.delete('ready');
    this.emit({
      type: 'step',
      node: node.name,
      step: 'ready',
      state: 'failed',
      ms: seconds * 1000,
      error: error.toRecord(),
    });
    this.nodeFailed(node, error);
  }

  private kubeNode({ name, ready, message }: Extract<FromAgent, { type: 'kube-node' }>): void {
    const node = [...this.roster.values()].find(({ nodeName }) => nodeName === name);
    if (node === undefined) {
      return;
    }
    node.kubeReady = ready;
    node.kubeMessage = message;
    if (ready && node.phase === 'joined') {
      this.ready(node);
    } else if (!ready && node.phase === 'ready') {
      this.emit({ type: 'warning', node: node.name, message: `${name} is not Ready any more: ${message}` });
      this.setNode(node, 'joined', message);
    }
  }

  private ready(node: NodeEntry): void {
    const ms = Math.round(performance.now() - (node.joinedAt ?? performance.now()));
    node.steps.delete('ready');
    this.setNode(node, 'ready');
    this.emit({ type: 'step', node: node.name, step: 'ready', state: 'done', ms });
    if (node === this.lead && !this.dns) {
      this.lead.steps.add('dns');
      this.emit({ type: 'step', node: node.name, step: 'dns', state: 'started' });
      const seconds = this.options.settings.stepTimeouts.dns / 1000;
      this.after(seconds * 1000, () => {
        if (!this.dns && this.phase === 'bringing-up') {
          this.fail(
            new UnetError('UNET_READY_TIMEOUT', `DNS of the cluster did not answer within ${seconds} s`, {
              node: node.name,
              step: 'dns',
              remedy: 'look at the coredns pods: unet kubectl -n kube-system get pods -o wide',
            }),
          );
        }
      });
    }
    this.consider();
  }

  private dnsAnswers(): void {
    if (!this.dns) {
      this.dns = true;
      if (this.lead.steps.delete('dns')) {
        const ms = Math.round(performance.now() - (this.lead.heard ?? performance.now()));
        this.emit({ type: 'step', node: this.lead.name, step: 'dns', state: 'done', ms });
      }
      this.consider();
    }
  }

  private wantJoin(node: NodeEntry): void {
    node.joinTries += 1;
    if (node.joinTries === 1) {
      this.joinWindow.want(node.name);
      return;
    }
    const timer = this.after(FORGET_TIMEOUT_MS, () => this.forgetting.get(node.nodeName)?.());
    this.forgetting.set(node.nodeName, () => {
      this.forgetting.delete(node.nodeName);
      clearTimeout(timer);
      this.joinWindow.want(node.name);
    });
    this.send({ type: 'forget', nodeName: node.nodeName });
  }

  private async kubeconfig(
    apiServer: { address: string; port: number },
    content: string | undefined,
  ): Promise<void> {
    try {
      if (content !== undefined) {
        await writePrivateFile(this.paths.kubeconfig, content);
      }
      this.apiServer = apiServer;
      void this.save();
    } catch (error) {
      this.fail(UnetError.from(error));
    }
  }

  private consider(): void {
    if (this.phase !== 'bringing-up') {
      return;
    }
    const minNodes = this.options.settings.minNodes ?? this.roster.size;
    const verdict = judge(this.roster, minNodes, this.dns);
    if (verdict.is === 'pending') {
      return;
    }
    clearTimeout(this.deadline);
    this.send({ type: 'joins-over' });
    this.send({ type: 'usable' });
    const names = (nodes: NodeEntry[]) => nodes.map(({ name }) => name);
    const { timings } = summarize(this.events.events());
    const wallMs = Math.round(performance.now() - this.startedAt);
    this.emit({
      type: 'summary',
      summary: { wallMs, ready: names(verdict.ready), missing: names(verdict.missing), timings },
    });
    if (verdict.is === 'degraded') {
      this.emit({ type: 'error', error: verdict.error.toRecord() });
      void this.setPhase('degraded', verdict.error.message);
    } else {
      void this.setPhase('usable');
    }
  }

  private nodeFailed(node: NodeEntry, error: UnetError): void {
    if (this.phase === 'stopping' || this.phase === 'stopped' || isOut(node.phase)) {
      return;
    }
    node.error = error.toRecord();
    this.agreement.leave(node.name);
    this.joinWindow.over(node.name);
    this.setNode(node, 'failed', error.message);
    if (node === this.lead) {
      this.fail(error);
      return;
    }
    this.emit({ type: 'error', error: error.toRecord() });
    this.refuseHopeless(error);
    this.greetingMayBeOver();
    this.consider();
  }

  /** Before anything was started: when too few nodes can take part, say so now. */
  private refuseHopeless(error: UnetError): void {
    const minNodes = this.options.settings.minNodes ?? this.roster.size;
    const possible = [...this.roster.values()].filter(({ phase }) => !isOut(phase)).length;
    if (!this.greetingOver && possible < minNodes && error.exitCode === 3) {
      this.fail(error);
    }
  }

  private greetingMayBeOver(): void {
    if ([...this.roster.values()].every((other) => other.hello !== undefined || isOut(other.phase))) {
      this.closeGreeting();
    }
  }

  private exited(name: string, reason: string): void {
    const node = this.roster.get(name);
    if (node === undefined || node.gone) {
      return;
    }
    node.gone = true;
    if (this.phase === 'stopping' || this.phase === 'stopped') {
      return;
    }
    if (node.hello === undefined) {
      const error = launchFailure(reason, this.diagnostics).with({ node: name });
      this.lost(node, 'missing', error);
    } else {
      this.lost(
        node,
        'lost',
        new UnetError('UNET_NODE_LOST', `the agent on ${name} is gone: ${reason}`, {
          node: name,
          remedy: '"unet up" tries the node again',
        }),
      );
    }
  }

  private missSilent(): void {
    const seconds = this.options.settings.stepTimeouts.hello / 1000;
    for (const node of this.roster.values()) {
      if (node.hello === undefined && node.phase === 'waiting') {
        this.lost(
          node,
          'missing',
          new UnetError('UNET_NODE_SILENT', `${node.name} did not say hello within ${seconds} s`, {
            node: node.name,
            tail: this.diagnostics.slice(-6),
            remedy:
              'is the node up, and does it see this installation of unet? Or raise --step-timeout hello=…',
          }),
        );
      }
    }
    this.greetingMayBeOver();
  }

  private lost(node: NodeEntry, phase: 'lost' | 'missing', error: UnetError): void {
    if (isOut(node.phase) && node.phase !== 'failed') {
      return;
    }
    const wasReady = this.phase === 'usable' || this.phase === 'degraded';
    node.error = error.toRecord();
    node.steps.clear();
    this.agreement.leave(node.name);
    this.joinWindow.over(node.name);
    this.setNode(node, phase, error.message);
    if (node === this.lead) {
      this.fail(
        node.hello === undefined
          ? error
          : new UnetError('UNET_LEAD_LOST', `the lead is lost: ${error.message}`, { ...error.details }),
      );
      return;
    }
    this.emit({ type: 'error', error: error.toRecord() });
    if (phase === 'lost') {
      this.send({ type: 'forget', nodeName: node.nodeName });
      void this.cleanLost(node);
    }
    if (wasReady) {
      void this.setPhase('degraded', error.message);
    }
    this.greetingMayBeOver();
    this.consider();
  }

  /** A dead agent cannot tear down: another one does it for it at once. */
  private cleanLost(node: NodeEntry): Promise<UnetError[]> {
    const cleaning = this.clean([node.name]).then((problems) => {
      problems.forEach(({ message }) => this.emit({ type: 'warning', node: node.name, message }));
      return problems;
    });
    this.cleaning.set(node.name, cleaning);
    return cleaning;
  }

  /** What no agent has taken away: nodes whose agent died, unless that was tried at once when it died. */
  private async cleanRest(): Promise<UnetError[]> {
    const tried = await Promise.all(this.cleaning.values());
    const rest = [...this.roster.values()].filter(
      ({ name, clean, hello }) => !clean && hello !== undefined && !this.cleaning.has(name),
    );
    return [...tried.flat(), ...(await this.clean(rest.map(({ name }) => name)))];
  }

  private clean(nodes: string[]): Promise<UnetError[]> {
    return cleanNodes({
      launcher: this.launcher,
      nodes,
      env: this.options.env,
      spec: this.spec,
      timeoutMs: this.options.settings.stepTimeouts.down + STOP_MARGIN_MS,
      onDiagnostic: this.options.note,
      onClean: (name) => {
        const node = this.roster.get(name);
        if (node !== undefined) {
          node.clean = true;
        }
      },
    });
  }

  private bye(node: NodeEntry, clean: boolean, problem: ErrorRecord | undefined): void {
    node.clean = clean;
    node.gone = true;
    if (problem !== undefined) {
      this.emit({ type: 'error', error: problem });
    }
    if (this.phase === 'stopping' || this.phase === 'stopped') {
      this.setNode(node, 'removed');
    } else if (node === this.lead) {
      // Its signal was the job's end, most likely: everybody got it.
      void this.stop(`the agent of the lead, ${node.name}, has ended`);
    } else {
      this.lost(
        node,
        'lost',
        new UnetError('UNET_NODE_LOST', `the agent on ${node.name} was told to end by somebody else`, {
          node: node.name,
        }),
      );
    }
  }

  private heartbeat(): void {
    this.send({ type: 'ping' });
    const { silence } = this.options.settings;
    for (const node of this.roster.values()) {
      if (node.heard !== undefined && !node.gone && performance.now() - node.heard > silence) {
        this.exited(
          node.name,
          `nothing heard from it for ${Math.round((performance.now() - node.heard) / 1000)} s`,
        );
      }
    }
  }

  /** The bring-up has failed as a whole: kept for a look with --retain, else taken away. */
  fail(error: UnetError): void {
    if (this.phase === 'stopping' || this.phase === 'stopped' || this.phase === 'failed') {
      return;
    }
    clearTimeout(this.deadline);
    this.error = error.toRecord();
    this.emit({ type: 'error', error: this.error });
    void this.setPhase('failed', error.message);
    if (!this.options.settings.retain) {
      void this.stop(`failed: ${error.message}`);
    }
  }

  private armDeadline(): void {
    const { timeout } = this.options.settings;
    clearTimeout(this.deadline);
    this.deadline = this.after(timeout, () => {
      if (this.phase === 'bringing-up') {
        this.fail(
          new UnetError(
            'UNET_TIMEOUT',
            `the cluster was not usable within ${timeout / 1000} s; waited for ${describePending(this.roster, this.dns)}`,
            {
              log: this.paths.logs,
              remedy: 'raise --timeout, or look at the logs of what was waited for',
            },
          ),
        );
      }
    });
  }

  private setPhase(phase: ClusterPhase, message?: string): Promise<void> {
    this.phase = phase;
    this.since = new Date();
    const retained = phase === 'failed' && this.options.settings.retain ? true : undefined;
    const say = () => this.emit({ type: 'cluster', phase, message, retained });
    if (phase === 'bringing-up' || phase === 'stopping') {
      say();
      return this.save();
    }
    // Who hears of an end looks into the state file next.
    return this.save().then(say);
  }

  private setNode(node: NodeEntry, phase: NodePhase, message?: string): void {
    if (node.phase !== phase) {
      node.phase = phase;
      this.emit({ type: 'node', node: node.name, phase, message });
      void this.save();
    }
  }

  private emit(body: EventBody): void {
    this.events.emit(body);
  }

  private send(message: Parameters<Agents['send']>[0]): void {
    this.launches.forEach((launch) => launch.send(message));
  }

  private after(ms: number, action: () => void): NodeJS.Timeout {
    const timer = setTimeout(() => {
      this.timers.delete(timer);
      action();
    }, ms);
    this.timers.add(timer);
    return timer;
  }

  private every(ms: number, action: () => void): void {
    this.timers.add(setInterval(action, ms));
  }

  private until(condition: () => boolean, ms: number): Promise<void> {
    return new Promise((resolve) => {
      const started = performance.now();
      const poll = setInterval(() => {
        if (condition() || performance.now() - started > ms) {
          clearInterval(poll);
          resolve();
        }
      }, 20);
    });
  }
}

/** The epoch of the next bring-up in this job directory. */
export async function nextEpoch(paths: JobPaths): Promise<number> {
  return ((await readState(paths.state))?.epoch ?? 0) + 1;
}
