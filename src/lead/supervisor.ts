/**
 * The supervisor: one resident process of a job. It starts the agents, brings them to one plan, follows them, keeps the
 * job's state on disk, answers commands on its socket, and sees to it that all is taken away in the end.
 */
import { randomBytes } from 'node:crypto';
import { type ErrorRecord, UnetError } from '../errors.ts';
import { createEventLog, type EventLog } from '../events/log.ts';
import { summarize } from '../events/summarize.ts';
import type { ClusterPhase, EventBody, NodePhase } from '../events/types.ts';
import { ensurePrivateDirectory } from '../files/private-directory.ts';
import { writePrivateFile } from '../files/private-file.ts';
import { buryJob, removeSecrets } from '../job/bury.ts';
import { type JobPaths, jobPaths } from '../job/layout.ts';
import type { ApiServer } from '../kubernetes/server-url.ts';
import type { Launcher } from '../launch/launcher.ts';
import type { FromAgent } from '../node/from-agent.ts';
import type { JobSpec, ToAgents } from '../node/to-agents.ts';
import { launcherFor, leadPlace } from './agents.ts';
import { type Cluster, type SupervisorOptions, wantedNodes } from './cluster.ts';
import type { ResumeSettings } from './control.ts';
import { createGreeting, type Greeting } from './greeting.ts';
import { brokerWatch } from './instance-watch.ts';
import { type Introduction, introduction } from './introduction.ts';
import { createJobPack, type JobPack } from './job-pack.ts';
import { createJoining, type Joining } from './joining.ts';
import { createLaunches, type Launches } from './launches.ts';
import { createLosses, type Losses } from './losses.ts';
import { outerCluster } from './outer-cluster.ts';
import { createPackDelivery, type PackDelivery } from './pack-delivery.ts';
import { packSpec } from './pack-spec.ts';
import { provisionSettings } from './provision-settings.ts';
import { createPublicity, type Publicity } from './publicity.ts';
import { createReadiness, type Readiness } from './readiness.ts';
import { createReceiver } from './receive.ts';
import { refuseStage, releaseArchiver } from './release-archive.ts';
import { createReleaseSender, type ReleaseSender } from './release-sender.ts';
import { createRoster, isOut, isSettled, type NodeEntry, readyNodes } from './roster.ts';
import { describePending, judge } from './settle.ts';
import { jobSpec } from './spec.ts';
import { describeJob } from './state.ts';
import { createStateFile, type StateFile } from './state-file.ts';
import { shortOfTime } from './time-left.ts';
import { createTimers } from './timers.ts';

// What the agents need beside make down-v: the end of their own steps, and its second try.
const STOP_MARGIN_MS = 15_000;
// A bye that is still in the pipe explains the exit which the launcher reports.
const BYE_MS = 100;
const STATE_RENEWAL_MS = 10_000;
const SAVE_WITHIN_MS = 100;

export class Supervisor implements Cluster {
  readonly events: EventLog = createEventLog();
  /** Resolves when everything is taken away and the supervisor may end. */
  readonly over: Promise<void>;
  readonly options: SupervisorOptions;
  readonly spec: JobSpec;
  packArchitecture: string | undefined;
  readonly roster: Map<string, NodeEntry>;
  readonly lead: NodeEntry;
  readonly timers = createTimers();
  private readonly paths: JobPaths;
  private readonly launches: Launches;
  private readonly jobPack: JobPack;
  private readonly release: ReleaseSender;
  private readonly greeting: Greeting;
  private readonly pack: PackDelivery;
  private readonly joining: Joining;
  private readonly readiness: Readiness;
  private readonly losses: Losses;
  private readonly stateFile: StateFile;
  private readonly publicity: Publicity;
  private readonly receive: (message: FromAgent) => void;
  private readonly aborting = new AbortController();
  private currentPhase: ClusterPhase = 'starting';
  private since = new Date();
  private epoch: number;
  private startedAt = performance.now();
  private apiServer: ApiServer | undefined;
  private error: ErrorRecord | undefined;
  private socket = '';
  private deadline: NodeJS.Timeout | undefined;
  private saving: NodeJS.Timeout | undefined;
  /** Something could not be taken away. */
  private left = false;
  private finish = () => {};

  constructor(options: SupervisorOptions, epoch: number) {
    const { allocation, settings } = options;
    this.options = options;
    this.epoch = epoch;
    this.paths = jobPaths(options.jobDir);
    this.roster = createRoster(allocation.nodes);
    const [lead] = this.roster.values();
    if (lead === undefined) {
      throw new UnetError('UNET_NO_ALLOCATION', 'the allocation has no nodes');
    }
    this.lead = lead;
    this.over = new Promise((resolve) => {
      this.finish = resolve;
    });
    this.spec = jobSpec(options, { epoch, nodes: allocation.nodes, nonce: randomBytes(16).toString('hex') });
    this.release = createReleaseSender({
      reference: settings.release,
      cwd: options.cwd,
      destination: this.paths.release,
      env: options.env,
      timeoutMs: settings.stepTimeouts.stage,
      signal: this.aborting.signal,
      provision: provisionSettings(settings, (message) => this.emit({ type: 'warning', message })),
      send: (message, to) => this.send(message, to),
      onTrouble: (error) => this.fail(UnetError.from(error)),
      stage: settings.stage,
      archive: releaseArchiver(allocation, options.env),
      warn: (message) => this.emit({ type: 'warning', message }),
      obtain: settings.pack === undefined ? undefined : () => this.jobPack.release(),
    });
    this.jobPack = createJobPack(options, {
      paths: this.paths,
      signal: this.aborting.signal,
      emit: (event) => this.emit(event),
    });
    this.pack = createPackDelivery(this, this.aborting.signal);
    this.greeting = createGreeting(this, this.release, this.pack);
    this.joining = createJoining(this);
    this.readiness = createReadiness(this);
    const launcher: Launcher = launcherFor(allocation, leadPlace(options));
    this.launches = createLaunches({
      launcher,
      jobId: allocation.jobId,
      env: options.env,
      note: options.note,
      onMessage: (message) => this.receive(message),
      onExit: (nodes, reason, told) => {
        this.timers.after(BYE_MS, () => this.exited(nodes, reason, told));
      },
    });
    this.losses = createLosses(this, launcher, this.launches.diagnostics);
    this.receive = createReceiver(this, {
      greeting: this.greeting,
      joining: this.joining,
      pack: this.pack,
      readiness: this.readiness,
      onKubeconfig: (message) => void this.kubeconfig(message),
      onBye: (node, message) => this.bye(node, message),
    });
    const read = () => describeJob(this, this.facts());
    this.stateFile = createStateFile(this.paths.state, read, options.note);
    this.publicity = createPublicity(allocation, {
      name: settings.name,
      env: options.env,
      read,
      // An instance that ends refuses this, too, and takes it all along.
      onTrouble: (message) =>
        this.isEnding() ? options.note(message) : this.emit({ type: 'warning', message }),
    });
  }

  /** Starts the bring-up; what comes of it is in the events. @param socket where commands reach this supervisor. */
  async start(socket: string): Promise<void> {
    this.socket = socket;
    const { allocation, settings } = this.options;
    await Promise.all([
      writePrivateFile(this.paths.nonce, this.spec.nonce, { durable: false }),
      ensurePrivateDirectory(this.paths.join),
    ]);
    this.emit({
      type: 'plan',
      jobId: allocation.jobId,
      allocation: allocation.kind,
      lead: this.lead.name,
      nodes: [...allocation.nodes],
      release: settings.release,
      logs: this.paths.logs,
    });
    refuseStage(allocation, settings.stage);
    const warning = shortOfTime(allocation, settings);
    if (warning !== undefined) {
      this.emit({ type: 'warning', message: warning });
    }
    void brokerWatch(allocation, this.options.env).then((isGone) => {
      if (isGone !== undefined) {
        this.timers.every(settings.heartbeat, () => isGone() && this.endWithInstance());
      }
    });
    void outerCluster(allocation, this.options.env).then((outer) => {
      if (outer !== undefined && !this.isEnding()) {
        const message = `${outer.sentence}; this makes one more. To use that one instead: ${outer.use}`;
        this.emit({ type: 'warning', message });
      }
    });
    this.setPhase('bringing-up');
    this.armDeadline();
    this.timers.every(settings.heartbeat, () => {
      this.send({ type: 'ping' });
      this.losses.loseSilent();
    });
    this.timers.every(STATE_RENEWAL_MS, () => void this.saveState());
    await this.openPack();
    if (this.isEnding()) {
      return;
    }
    this.launch([...this.roster.keys()]);
    this.release.prepare().catch((error: unknown) => this.fail(UnetError.from(error)));
  }

  /** Nothing has been touched so far, so when the pack is refused there is nothing to clean. */
  private async openPack(): Promise<void> {
    try {
      const pack = await this.jobPack.open();
      this.spec.pack = pack === undefined ? undefined : packSpec(pack);
      this.packArchitecture = pack?.manifest.architecture;
    } catch (error) {
      for (const node of this.roster.values()) {
        node.clean = true;
      }
      throw error;
    }
  }

  introduction(): Introduction {
    return introduction(this.events.events(), this.currentPhase);
  }

  /**
   * Tries again what failed or is missing. Nothing when all is up, or under way.
   *
   * @param settings what the later command wants otherwise.
   */
  resume(settings: ResumeSettings): void {
    Object.assign(this.options.settings, settings);
    if (this.currentPhase === 'failed') {
      // Kept by --retain: the way on is from the start, on clean nodes. Who asked starts another supervisor then.
      void this.stop('starting again', { restarting: true });
      return;
    }
    const again = [...this.roster.values()].filter((node) => isOut(node.phase));
    if (!this.isSettled() || again.length === 0) {
      return;
    }
    this.startedAt = performance.now();
    this.setPhase('bringing-up', `trying again: ${again.map(({ name }) => name).join(', ')}`);
    this.armDeadline();
    this.republish();
    void this.relaunch(again.filter((node) => !this.retry(node)));
  }

  /** Takes everything away and ends. Repeatable. */
  async stop(reason: string, how: { restarting?: boolean } = {}): Promise<void> {
    if (this.isEnding()) {
      return;
    }
    this.setPhase('stopping', reason, how);
    this.aborting.abort(new UnetError('UNET_INTERRUPTED', reason));
    clearTimeout(this.deadline);
    this.send({ type: 'stop', reason });
    // First of all: a job that ends may leave no time for the rest.
    await removeSecrets(this.paths).catch((error: unknown) => this.options.note(String(error)));
    await this.agentsEnd();
    for (const error of await this.losses.cleanRest()) {
      this.emit({ type: 'error', error: error.toRecord() });
      this.error ??= error.toRecord();
      this.left = true;
    }
    this.timers.end();
    this.currentPhase = 'stopped';
    await this.stateFile.save();
    const buried = buryJob(this.paths, { keepLogs: this.error !== undefined });
    await Promise.all([
      buried.catch((error: unknown) => this.emit({ type: 'error', error: UnetError.from(error).toRecord() })),
      this.publicity.end(),
    ]);
    const incomplete = this.left || undefined;
    this.emit({ type: 'cluster', phase: 'stopped', message: reason, incomplete });
    this.finish();
  }

  /** The bring-up has failed as a whole: kept for a look with --retain, else taken away. */
  fail(error: UnetError): void {
    if (this.isEnding() || this.currentPhase === 'failed') {
      return;
    }
    clearTimeout(this.deadline);
    this.error = error.toRecord();
    this.emit({ type: 'error', error: this.error });
    this.setPhase('failed', error.message, { retained: this.options.settings.retain || undefined });
    if (!this.options.settings.retain) {
      void this.stop(`failed: ${error.message}`);
    }
  }

  giveUp(node: NodeEntry, error: UnetError, phase: 'failed' | 'lost' | 'missing' = 'failed'): void {
    const wasSettled = this.isSettled();
    if (this.isEnding() || (isOut(node.phase) && node.phase !== 'failed')) {
      return;
    }
    // An agent that has failed and then ends has failed for the first reason.
    node.error ??= error.toRecord();
    node.steps.clear();
    this.setNode(node, phase, error.message);
    this.joining.over(node);
    this.pack.over(node);
    if (node === this.lead) {
      this.fail(leadLost(node, error, phase));
      return;
    }
    this.emit({ type: 'error', error: error.toRecord() });
    if (phase === 'lost') {
      this.send({ type: 'forget', nodeName: node.nodeName }, [this.lead.name]);
      if (!node.clean) {
        this.losses.clean(node);
      }
    }
    if (wasSettled && readyNodes(this.roster).length < wantedNodes(this)) {
      this.setPhase('degraded', error.message);
    }
    this.refuseHopeless(error);
    this.greeting.leave(node);
    this.consider();
  }

  consider(): void {
    if (this.isSettled()) {
      this.considerLate();
    }
    if (this.currentPhase !== 'bringing-up') {
      return;
    }
    const verdict = judge(this.roster, wantedNodes(this), this.readiness.dnsAnswers());
    if (verdict.is === 'pending') {
      return;
    }
    clearTimeout(this.deadline);
    this.send({ type: 'joins-over' }, [this.lead.name]);
    this.send({ type: 'usable' });
    const names = (nodes: NodeEntry[]) => nodes.map(({ name }) => name);
    const { timings } = summarize(this.events.events());
    const wallMs = Math.round(performance.now() - this.startedAt);
    const summary = { wallMs, ready: names(verdict.ready), missing: names(verdict.missing), timings };
    this.emit({ type: 'summary', summary });
    if (verdict.is === 'degraded') {
      this.emit({ type: 'error', error: verdict.error.toRecord() });
      this.setPhase('degraded', verdict.error.message);
    } else {
      this.setPhase('usable');
    }
  }

  republish(): void {
    this.epoch += 1;
    this.send({ type: 'publish-again', epoch: this.epoch }, [this.lead.name]);
  }

  phase(): ClusterPhase {
    return this.currentPhase;
  }

  setNode(node: NodeEntry, phase: NodePhase, message?: string): void {
    if (node.phase !== phase) {
      node.phase = phase;
      this.emit({ type: 'node', node: node.name, phase, message });
      this.save();
    }
  }

  /** Soon: hundreds of nodes have news at the same moment, and the state may be on a file server. */
  save(): void {
    this.saving ??= this.timers.after(SAVE_WITHIN_MS, () => {
      this.saving = undefined;
      void this.saveState();
    });
  }

  emit(body: EventBody): void {
    this.events.emit(body);
  }

  send(message: ToAgents, to?: readonly string[]): void {
    this.launches.send(message, to);
  }

  /** At once. Resolves when it is written; the rest is told meanwhile. */
  private async saveState(): Promise<void> {
    this.publicity.update();
    await this.stateFile.save();
  }

  /** What the state file says beside the roster. */
  private facts() {
    const { epoch, since, socket, error, apiServer, paths } = this;
    return { epoch, since, socket, error, apiServer, kubeconfig: paths.kubeconfig };
  }

  private launch(nodes: string[]): void {
    this.launches.start(nodes, { ...this.spec, epoch: this.epoch });
    this.timers.after(this.options.settings.stepTimeouts.hello, () => this.losses.missSilent(nodes));
  }

  private exited(nodes: readonly string[], reason: string, told: 'node' | 'allocation' | undefined): void {
    for (const node of nodes.map((name) => this.roster.get(name))) {
      if (node !== undefined && told === 'allocation') {
        this.endedWithAllocation(node);
      } else if (node !== undefined) {
        // Nobody could start another agent there, and none is needed.
        node.clean ||= told === 'node';
        this.losses.exited(node, reason);
      }
    }
  }

  /** Nobody can be reached by Flux any more; the agents there notice by the end of their input. */
  private endWithInstance(): void {
    for (const node of this.roster.values()) {
      if (node.name !== this.options.allocation.self) {
        Object.assign(node, { gone: true, clean: true });
      }
    }
    void this.stop('the Flux instance has ended');
  }

  private endedWithAllocation(node: NodeEntry): void {
    Object.assign(node, { gone: true, clean: true });
    this.setNode(node, 'removed');
    void this.stop('the allocation is ending');
  }

  private bye(
    node: NodeEntry,
    { clean, problem, reason, bySignal }: Extract<FromAgent, { type: 'bye' }>,
  ): void {
    node.clean = clean;
    node.gone = true;
    if (problem !== undefined) {
      this.emit({ type: 'error', error: problem });
      this.error ??= problem;
      this.left = true;
    }
    if (this.isEnding()) {
      this.setNode(node, clean ? 'removed' : 'failed', problem?.message);
    } else if (node === this.lead) {
      const message = `the agent of the lead, ${node.name}, has ended: ${reason}`;
      if (bySignal) {
        // To all of the job, most likely: its end, which is no failure.
        void this.stop(message);
      } else {
        this.fail(new UnetError('UNET_LEAD_LOST', message, { node: node.name, log: this.paths.logs }));
      }
    } else {
      const message = `the agent on ${node.name} was told to end by somebody else`;
      this.giveUp(node, new UnetError('UNET_NODE_LOST', message, { node: node.name }), 'lost');
    }
  }

  private async kubeconfig({
    apiServer,
    content,
  }: {
    apiServer: ApiServer;
    content?: string | undefined;
  }): Promise<void> {
    try {
      if (content !== undefined) {
        await writePrivateFile(this.paths.kubeconfig, content);
      }
      this.apiServer = apiServer;
      await this.saveState();
    } catch (error) {
      this.fail(UnetError.from(error));
    }
  }

  /** True when its agent is there to try again; otherwise it needs another one. */
  private retry(node: NodeEntry): boolean {
    const alive = !node.gone && node.hello !== undefined;
    delete node.error;
    node.kubeReady = false;
    if (alive) {
      this.setNode(node, 'working');
      this.release.again([node.name]);
      this.send({ type: 'retry', node: node.name, epoch: this.epoch }, [node.name]);
    } else {
      delete node.hello;
      delete node.heard;
      delete node.slot;
      Object.assign(node, { assigned: false, clean: false });
      this.setNode(node, 'waiting');
    }
    return alive;
  }

  /** New agents for nodes whose old one is gone, when what it left is cleaned. */
  private async relaunch(nodes: NodeEntry[]): Promise<void> {
    await Promise.all(nodes.map((node) => this.losses.forget(node)));
    if (nodes.length === 0 || this.currentPhase !== 'bringing-up') {
      return;
    }
    for (const node of nodes) {
      node.gone = false;
    }
    this.launch(nodes.map(({ name }) => name));
  }

  /** Before anything was started: when too few nodes can take part, that is said now. */
  private refuseHopeless(error: UnetError): void {
    const possible = [...this.roster.values()].filter(({ phase }) => !isOut(phase)).length;
    if (!this.greeting.over() && possible < wantedNodes(this) && error.exitCode === 3) {
      this.fail(error);
    }
  }

  /** Waits for the agents' byes and the launchers' ends, each for as long as a teardown may take. */
  private async agentsEnd(): Promise<void> {
    const { down } = this.options.settings.stepTimeouts;
    const deadline = performance.now() + 2 * down + STOP_MARGIN_MS;
    const nodes = [...this.roster.values()];
    while (!nodes.every(({ gone, hello }) => gone || hello === undefined) && performance.now() < deadline) {
      await this.pause(20);
    }
    await this.launches.end(!nodes.some(({ phase }) => phase === 'lost'));
  }

  private armDeadline(): void {
    const { timeout } = this.options.settings;
    clearTimeout(this.deadline);
    this.deadline = this.timers.after(timeout, () => {
      if (this.currentPhase === 'bringing-up') {
        this.timeOver(timeout / 1000);
      }
    });
  }

  /** With a control plane that works, the nodes that have not come are given up; otherwise all has failed. */
  private timeOver(seconds: number): void {
    const dns = this.readiness.dnsAnswers();
    const remedy = 'raise --timeout, or look at the logs of what was waited for';
    const log = this.paths.logs;
    if (this.lead.phase === 'ready' && dns) {
      for (const node of [...this.roster.values()].filter((entry) => !isSettled(entry))) {
        const step = [...node.steps].at(-1);
        const message = `${node.name} was not Ready within ${seconds} s; it was at "${step ?? node.phase}"`;
        this.giveUp(node, new UnetError('UNET_TIMEOUT', message, { node: node.name, step, log, remedy }));
      }
      return;
    }
    const pending = describePending(this.roster, dns);
    const message = `the cluster was not usable within ${seconds} s; waited for ${pending}`;
    this.fail(new UnetError('UNET_TIMEOUT', message, { log, remedy }));
  }

  /** After the bring-up: a node that came late, or came back, may make the cluster whole. */
  private considerLate(): void {
    if ([...this.roster.values()].every(isSettled)) {
      this.send({ type: 'joins-over' }, [this.lead.name]);
    }
    if (this.currentPhase === 'degraded' && readyNodes(this.roster).length >= wantedNodes(this)) {
      this.setPhase('usable');
    }
  }

  private setPhase(
    phase: ClusterPhase,
    message?: string,
    more: { retained?: boolean | undefined; restarting?: boolean | undefined } = {},
  ): void {
    this.currentPhase = phase;
    this.since = new Date();
    const saved = this.saveState();
    const say = () => this.emit({ type: 'cluster', phase, message, ...more });
    if (phase === 'usable' || phase === 'degraded' || more.retained === true) {
      // Who hears of it looks into the state file next. Unless it is over already.
      void saved.then(() => this.currentPhase === phase && say());
    } else {
      say();
    }
  }

  private isEnding(): boolean {
    return this.currentPhase === 'stopping' || this.currentPhase === 'stopped';
  }

  private isSettled(): boolean {
    return this.currentPhase === 'usable' || this.currentPhase === 'degraded';
  }

  private pause(ms: number): Promise<void> {
    return new Promise((resolve) => {
      this.timers.after(ms, resolve);
    });
  }
}

function leadLost(node: NodeEntry, error: UnetError, phase: 'failed' | 'lost' | 'missing'): UnetError {
  return phase === 'lost'
    ? new UnetError('UNET_LEAD_LOST', `the lead is lost: ${error.message}`, {
        ...error.details,
        node: node.name,
      })
    : error;
}
