/**
 * The supervisor: one resident process of a job. It starts the agents, brings them to one plan, follows them, keeps the
 * job's state on disk, answers commands on its socket, and takes everything away in the end. What it decides is in decisions.ts; here
 * the decisions are carried out.
 */
import { randomBytes, randomUUID } from 'node:crypto';
import { rm } from 'node:fs/promises';
import { UnetError } from '../errors.ts';
import { createEventLog, type EventLog } from '../events/log.ts';
import { summarize } from '../events/summarize.ts';
import type { ClusterPhase, EventBody } from '../events/types.ts';
import { ensurePrivateDirectory } from '../files/private-directory.ts';
import { writePrivateFile } from '../files/private-file.ts';
import { type JobPaths, jobPaths } from '../job/layout.ts';
import type { ApiServer } from '../kubernetes/server-url.ts';
import { launcherFor, leadPlace } from '../launch/agents.ts';
import { jobSpec } from '../launch/job-spec.ts';
import { packSpec } from '../launch/pack-spec.ts';
import type { ResumeSettings } from '../protocol/control.ts';
import type { FromAgent } from '../protocol/from-agent.ts';
import type { JobSpec, ToAgents } from '../protocol/to-agents.ts';
import { provisionSettings } from '../provision/from-settings.ts';
import type { RecordPublisher, SchedulerJob } from '../scheduler/scheduler.ts';
import { type Cleaning, createCleaning } from './cleaning.ts';
import type { SupervisorOptions } from './cluster.ts';
import { createDecisions, type Decisions } from './decisions.ts';
import { describeJob } from './describe-job.ts';
import type { Effect, Input } from './effects.ts';
import { createJobPack, type JobPack } from './job-pack.ts';
import { createLaunches, type Launches } from './launches.ts';
import { createPackDelivery, type PackDelivery } from './pack-delivery.ts';
import { isEnding } from './phases.ts';
import { refuseStage, releaseArchiver } from './release-archive.ts';
import { createReleaseSender, type ReleaseSender } from './release-sender.ts';
import { lastBringUp, type Replay, replay } from './replay.ts';
import { createStateFile, type StateFile } from './state-file.ts';
import { tearDown } from './teardown.ts';
import { shortOfTime } from './time-left.ts';
import { createTimers } from './timers.ts';

// A bye that is still in the pipe explains the exit which the launcher reports.
const BYE_MS = 100;
const STATE_RENEWAL_MS = 10_000;
const SAVE_DELAY_MS = 100;

export class Supervisor {
  readonly events: EventLog = createEventLog();
  /** Resolves when everything is taken away and the supervisor may end. */
  readonly ended: Promise<void>;
  private readonly id = randomUUID();
  private readonly options: SupervisorOptions;
  private readonly scheduler: SchedulerJob;
  private readonly paths: JobPaths;
  private readonly spec: JobSpec;
  private readonly decisions: Decisions;
  private readonly launches: Launches;
  private readonly cleaning: Cleaning;
  private readonly jobPack: JobPack;
  private readonly release: ReleaseSender;
  private readonly pack: PackDelivery;
  private readonly stateFile: StateFile;
  private readonly record: RecordPublisher | undefined;
  private readonly timers = createTimers();
  private readonly waits = new Map<number, NodeJS.Timeout>();
  private readonly aborting = new AbortController();
  private starting: Promise<void> = Promise.resolve();
  private packArchitecture: string | undefined;
  private since = new Date();
  private startedAt = performance.now();
  private apiServer: ApiServer | undefined;
  private socket = '';
  private saving: NodeJS.Timeout | undefined;
  private end = () => {};

  constructor(options: SupervisorOptions, scheduler: SchedulerJob, epoch: number) {
    const { allocation, settings, env, note } = options;
    this.options = options;
    this.scheduler = scheduler;
    this.paths = jobPaths(options.jobDir);
    this.ended = new Promise((resolve) => {
      this.end = resolve;
    });
    const nonce = randomBytes(16).toString('hex');
    this.spec = jobSpec(options, scheduler, { epoch, nodes: allocation.nodes, nonce });
    const launcher = launcherFor(allocation, scheduler, leadPlace(options));
    this.launches = createLaunches({
      launcher,
      jobId: allocation.jobId,
      env,
      note,
      onMessage: (message) => this.put({ type: 'message', message, clock: Date.now() }),
      onExit: (nodes, reason, fate) => {
        this.timers.after(BYE_MS, () => this.put({ type: 'agents-ended', nodes, reason, fate }));
      },
    });
    this.decisions = createDecisions({
      options,
      scheduler,
      spec: this.spec,
      epoch,
      logs: this.paths.logs,
      packArchitecture: () => this.packArchitecture,
      launcher: { remedy: launcher.remedy, diagnostics: this.launches.diagnostics },
    });
    const { roster } = this.decisions;
    this.cleaning = createCleaning({
      options,
      spec: this.spec,
      roster,
      launcher,
      onOneHost: scheduler.onOneHost,
      onClean: () => this.saveSoon(),
    });
    this.release = createReleaseSender({
      reference: settings.release,
      cwd: options.cwd,
      destination: this.paths.release,
      env,
      timeoutMs: settings.stepTimeouts.stage,
      signal: this.aborting.signal,
      provision: provisionSettings(settings, (message) => this.emit({ type: 'warning', message })),
      send: (message, to) => this.send(message, to),
      onTrouble: (error) => this.fail(UnetError.from(error)),
      stage: settings.stage,
      archive: releaseArchiver(scheduler, allocation.jobId, { timeoutMs: settings.stepTimeouts.stage }),
      warn: (message) => this.emit({ type: 'warning', message }),
      obtain: settings.pack === undefined ? undefined : () => this.jobPack.release(),
    });
    this.jobPack = createJobPack(options, {
      paths: this.paths,
      signal: this.aborting.signal,
      emit: (event) => this.emit(event),
    });
    this.pack = createPackDelivery(
      {
        options,
        scheduler,
        spec: this.spec,
        roster,
        send: (message, to) => this.send(message, to),
        emit: (event) => this.emit(event),
        fail: (error) => this.fail(error),
        giveUp: (node, error) => this.put({ type: 'give-up', node: node.name, error }),
      },
      this.aborting.signal,
    );
    const read = () => this.describe();
    this.stateFile = createStateFile(this.paths.state, read, note);
    // An allocation that ends refuses this, too, and takes it all along.
    const onTrouble = (message: string) =>
      isEnding(this.phase()) ? note(message) : this.emit({ type: 'warning', message });
    this.record = scheduler.record?.publish(settings.name, read, onTrouble);
  }

  /** Starts the bring-up; what comes of it is in the events. @param socket where commands reach this supervisor. */
  async start(socket: string): Promise<void> {
    this.socket = socket;
    this.starting = this.prepare();
    await this.starting;
  }

  replay(): Replay {
    return replay(this.events.events(), this.phase());
  }

  phase(): ClusterPhase {
    return this.decisions.phase();
  }

  /** Tries again what failed or is missing, with what the later command wants otherwise. Nothing when all is up, or under way. */
  resume(settings: ResumeSettings): void {
    this.put({ type: 'resume', settings });
  }

  /** Takes everything away and ends. Repeatable. */
  stop(reason: string): void {
    this.put({ type: 'stop', reason });
  }

  /** The bring-up has failed as a whole: what there is is kept with --retain, else taken away. */
  fail(error: UnetError): void {
    this.put({ type: 'fail', error });
  }

  /** After each wait the job may have been told to stop: then nothing more is made. */
  private async prepare(): Promise<void> {
    const { allocation, settings } = this.options;
    if (isEnding(this.phase())) {
      return;
    }
    // A record of an earlier supervisor, whose count of epochs may be lost.
    await rm(this.paths.join, { recursive: true, force: true });
    await Promise.all([
      writePrivateFile(this.paths.nonce, this.spec.nonce, { durable: false }),
      ensurePrivateDirectory(this.paths.join),
    ]);
    if (isEnding(this.phase())) {
      return;
    }
    this.emit({
      type: 'plan',
      jobId: allocation.jobId,
      allocation: allocation.kind,
      lead: this.decisions.lead.name,
      nodes: [...allocation.nodes],
      release: settings.release,
      logs: this.paths.logs,
    });
    refuseStage(this.scheduler, settings.stage);
    this.advise();
    this.put({ type: 'start' });
    this.timers.every(settings.heartbeat, () => this.put({ type: 'tick' }));
    this.timers.every(STATE_RENEWAL_MS, () => void this.saveState());
    await this.openPack();
    this.put({ type: 'prepared' });
    if (!isEnding(this.phase())) {
      this.release.prepare().catch((error: unknown) => this.fail(UnetError.from(error)));
    }
  }

  /** What only advises must not fail or delay the bring-up. */
  private advise(): void {
    const { allocation, settings } = this.options;
    const warning = shortOfTime(allocation, settings);
    if (warning !== undefined) {
      this.emit({ type: 'warning', message: warning });
    }
    void this.scheduler.watchEnd?.().then((hasEnded) => {
      if (hasEnded !== undefined) {
        this.timers.every(settings.heartbeat, () => hasEnded() && this.put({ type: 'allocation-ended' }));
      }
    });
    void this.scheduler.enclosingCluster?.().then((outer) => {
      if (outer !== undefined && !isEnding(this.phase())) {
        const message = `${outer.sentence}; this makes one more. To use that one instead: ${outer.use}`;
        this.emit({ type: 'warning', message });
      }
    });
  }

  /** @throws UnetError UNET_PACK_… when it is refused: no agent has been started so far. */
  private async openPack(): Promise<void> {
    const pack = await this.jobPack.open();
    this.spec.pack = pack === undefined ? undefined : packSpec(pack);
    this.packArchitecture = pack?.manifest.architecture;
  }

  private put(input: Input): void {
    for (const effect of this.decisions.decide(input, performance.now())) {
      this.perform(effect);
    }
  }

  private perform(effect: Effect): void {
    (this.performers[effect.do] as (effect: Effect) => void)(effect);
  }

  private readonly performers: { [D in Effect['do']]: (effect: Extract<Effect, { do: D }>) => void } = {
    send: ({ message, to }) => this.send(message, to),
    emit: ({ event }) => this.emit(event),
    enter: (effect) => this.enter(effect),
    launch: ({ nodes }) => this.launches.start(nodes, { ...this.spec, epoch: this.decisions.epoch() }),
    clean: ({ node }) => this.clean(node),
    'clean-for-retry': ({ nodes }) => void this.cleanForRetry(nodes),
    'deliver-release': ({ everyNodeSeesJobDir }) => this.release.deliver(everyNodeSeesJobDir),
    'resend-release': ({ node, seesJobDir }) => this.release.again([node], seesJobDir),
    'start-pack': () => this.pack.start(),
    'request-pack': ({ node: name }) => this.withNode(name, (node) => this.pack.request(node)),
    'pack-done': ({ node: name }) => this.withNode(name, (node) => this.pack.finish(node)),
    'keep-kubeconfig': ({ message }) => void this.keepKubeconfig(message),
    summarize: (effect) => this.summarize(effect),
    save: () => this.saveSoon(),
    wake: (effect) => this.wakeAfter(effect),
    'cancel-wake': ({ id }) => {
      clearTimeout(this.waits.get(id));
      this.waits.delete(id);
    },
    note: ({ line }) => this.options.note(line),
    'tear-down': ({ reason }) => void this.tearDown(reason),
  };

  private enter({ phase, message, retained, restarting }: Extract<Effect, { do: 'enter' }>): void {
    this.since = new Date();
    if (phase === 'bringing-up') {
      this.startedAt = performance.now();
    }
    if (phase === 'stopped') {
      return; // said when everything is gone
    }
    const saved = this.saveState();
    const say = () => this.emit({ type: 'cluster', phase, message, retained, restarting });
    if (phase === 'usable' || phase === 'degraded' || retained === true) {
      // A command that hears of it reads the state file next. Unless the phase is another one by then.
      void saved.then(() => this.phase() === phase && say());
    } else {
      say();
    }
  }

  private summarize({ ready, missing }: Extract<Effect, { do: 'summarize' }>): void {
    const { timings } = summarize(lastBringUp(this.events.events()));
    const wallMs = Math.round(performance.now() - this.startedAt);
    this.emit({ type: 'summary', summary: { wallMs, ready, missing, timings } });
  }

  private clean(name: string): void {
    this.withNode(name, (node) =>
      this.cleaning.clean(node, ({ message }) => this.emit({ type: 'warning', node: name, message })),
    );
  }

  private async cleanForRetry(nodes: readonly string[]): Promise<void> {
    const entries = nodes.flatMap((name) => this.decisions.roster.get(name) ?? []);
    await Promise.all(entries.map((node) => this.cleaning.finish(node)));
    this.put({ type: 'cleaned-for-retry', nodes });
  }

  private async keepKubeconfig({
    apiServer,
    content,
  }: Extract<FromAgent, { type: 'kubeconfig' }>): Promise<void> {
    try {
      if (isEnding(this.phase())) {
        return;
      }
      if (content !== undefined) {
        await writePrivateFile(this.paths.kubeconfig, content);
      }
      this.apiServer = apiServer;
      await this.saveState();
    } catch (error) {
      this.fail(UnetError.from(error));
    }
  }

  private async tearDown(reason: string): Promise<void> {
    this.aborting.abort(new UnetError('UNET_INTERRUPTED', reason));
    // What the start was just writing is not to come after the removal.
    await this.starting.catch(() => {});
    let incomplete = false;
    let error = this.decisions.error();
    await tearDown({
      paths: this.paths,
      roster: this.decisions.roster,
      launches: this.launches,
      cleaning: this.cleaning,
      timers: this.timers,
      record: this.record,
      downMs: this.options.settings.stepTimeouts.down,
      note: this.options.note,
      onProblem: (problem) => {
        this.emit({ type: 'error', error: problem.toRecord() });
        error ??= problem.toRecord();
        incomplete = true;
      },
      onNodesClean: async () => {
        this.put({ type: 'gone', reason });
        await this.stateFile.save();
        error ??= this.decisions.error();
        return error;
      },
    });
    const left = incomplete || this.decisions.incomplete() || undefined;
    const logs = error === undefined ? undefined : this.paths.logs;
    this.emit({ type: 'cluster', phase: 'stopped', message: reason, incomplete: left, logs });
    this.end();
  }

  private wakeAfter({ id, ms }: Extract<Effect, { do: 'wake' }>): void {
    const timer = this.timers.after(ms, () => {
      this.waits.delete(id);
      this.put({ type: 'wake', id });
    });
    this.waits.set(id, timer);
  }

  private withNode(name: string, action: (node: Parameters<PackDelivery['request']>[0]) => void): void {
    const node = this.decisions.roster.get(name);
    if (node !== undefined) {
      action(node);
    }
  }

  private emit(body: EventBody): void {
    this.events.emit(body);
  }

  private send(message: ToAgents, to?: readonly string[]): void {
    this.launches.send(message, to);
  }

  /** Hundreds of nodes have news at the same moment, and the state may be on a file server: one write for all of them. */
  private saveSoon(): void {
    this.saving ??= this.timers.after(SAVE_DELAY_MS, () => {
      this.saving = undefined;
      void this.saveState();
    });
  }

  /** At once. Resolves when the file is written. */
  private async saveState(): Promise<void> {
    this.record?.update();
    await this.stateFile.save();
  }

  private describe() {
    const { id, since, socket, apiServer, paths, options, decisions } = this;
    const facts = {
      id,
      epoch: decisions.epoch(),
      since,
      socket,
      error: decisions.error() ?? decisions.trouble(),
      apiServer,
    };
    return describeJob(
      { options, roster: decisions.roster, lead: decisions.lead, phase: decisions.phase },
      { ...facts, kubeconfig: paths.kubeconfig },
    );
  }
}
