/** One pod on its node: its containers as plain processes, from its start to its end. */
import { randomUUID } from 'node:crypto';
import { mkdirSync, rmSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { at, type Fields, type KubeObject, listAt, textAt, timestamp } from '../../api/objects.ts';
import type { ApiClient } from '../api-client.ts';
import { type ContainedProcess, startError, startProcess } from './contained-process.ts';
import {
  ConfigError,
  type ContainerEnvironment,
  containerEnvironment,
  type PodPlace,
} from './container-environment.ts';
import { ContainerLog } from './container-log.ts';
import { type ContainerFacts, podStatus } from './pod-status.ts';

/** The first restart comes at once, then after 1, 2, 4 … seconds, where a real kubelet begins with ten. */
const BACK_OFF_MS = 1000;
const MAX_BACK_OFF_MS = 30_000;

export type PodOptions = {
  pod: KubeObject;
  client: ApiClient;
  /** Where the directories of pods are. */
  directory: string;
  nodeName: string;
  hostIp: string;
  apiServer: { host: string; port: number };
  onTrouble: (error: Error) => void;
  event: (pod: KubeObject, type: 'Normal' | 'Warning', reason: string, message: string) => void;
};

type Container = ContainerFacts & {
  spec: Fields;
  log: ContainerLog;
  previous?: ContainerLog;
  process?: ContainedProcess;
};

/** A pod that this node runs. `stop` ends it and removes what it has left. */
export class RunningPod implements AsyncDisposable {
  readonly uid: string;
  pod: KubeObject;
  private readonly options: PodOptions;
  private readonly containers: Container[];
  private readonly initContainers: Container[];
  private readonly place: PodPlace;
  private readonly startTime = timestamp();
  private readonly stopping = new AbortController();
  private readonly done: Promise<void>;
  private reporting: Promise<void> = Promise.resolve();
  private dirty = false;

  constructor(options: PodOptions) {
    const { pod, client, directory, nodeName, hostIp, apiServer } = options;
    this.options = options;
    this.pod = pod;
    this.uid = pod.metadata.uid ?? '';
    this.containers = listAt(pod, 'spec', 'containers').map(newContainer);
    this.initContainers = listAt(pod, 'spec', 'initContainers').map(newContainer);
    const own = path.resolve(directory, this.uid);
    mkdirSync(own, { recursive: true, mode: 0o700 });
    this.place = {
      client,
      pod,
      directory: own,
      podIp: hostIp,
      hostIp,
      common: {
        PATH: process.env.PATH ?? '/usr/bin:/bin',
        HOME: own,
        HOSTNAME: textAt(pod, 'spec', 'hostname') || pod.metadata.name,
        KUBERNETES_SERVICE_HOST: apiServer.host,
        KUBERNETES_SERVICE_PORT: String(apiServer.port),
        UNET_REHEARSAL_NODE_NAME: nodeName,
      },
    };
    this.done = this.run().catch((error: Error) => options.onTrouble(error));
  }

  /** The log of a container, or of its run before. */
  logOf(name: string, previous: boolean): ContainerLog | undefined {
    const found = [...this.containers, ...this.initContainers].find((each) => each.name === name);
    return previous ? found?.previous : found?.log;
  }

  /** Starts another process in the container; as `kubectl exec` does. */
  async exec(name: string, argv: readonly string[], input: boolean): Promise<ContainedProcess | string> {
    const container = this.containers.find((each) => each.name === name);
    if (container?.state.kind !== 'running') return `container ${name} is not running`;
    const { env, cwd } = await containerEnvironment(this.place, container.spec);
    const options = { argv, env, cwd, input };
    return startError(options) ?? startProcess(options);
  }

  /** Asks the processes to end, and kills them after the grace period. */
  async stop(graceSeconds: number): Promise<void> {
    this.stopping.abort();
    const all = [...this.containers, ...this.initContainers];
    for (const { process: running, name } of all) {
      if (running === undefined) continue;
      this.options.event(this.pod, 'Normal', 'Killing', `Stopping container ${name}`);
      running.kill('SIGTERM');
    }
    const timer = setTimeout(() => {
      for (const { process: running } of all) running?.kill('SIGKILL');
    }, graceSeconds * 1000);
    await this.done;
    clearTimeout(timer);
    await this.reporting;
    rmSync(this.place.directory, { recursive: true, force: true });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop(0);
  }

  private async run(): Promise<void> {
    this.report();
    for (const container of this.initContainers) {
      await this.runContainer(
        container,
        at(this.pod, 'spec', 'restartPolicy') === 'Never' ? 'Never' : 'OnFailure',
      );
      if (container.state.kind !== 'terminated' || container.state.exitCode !== 0) return;
    }
    const policy = textAt(this.pod, 'spec', 'restartPolicy') || 'Always';
    await Promise.all(this.containers.map((container) => this.runContainer(container, policy)));
  }

  private async runContainer(container: Container, policy: string): Promise<void> {
    const { signal } = this.stopping;
    for (let tries = 0; !signal.aborted; tries++) {
      const code = await this.runOnce(container);
      if (code === undefined) return;
      const again = policy === 'Always' || (policy === 'OnFailure' && code !== 0);
      container.final = !again || signal.aborted;
      if (container.final) return this.report();
      this.report();
      await this.backOff(container, tries);
    }
  }

  private async backOff(container: Container, tries: number): Promise<void> {
    const { signal } = this.stopping;
    if (tries > 0) {
      container.lastState = container.state;
      container.state = {
        kind: 'waiting',
        reason: 'CrashLoopBackOff',
        message: `back-off restarting failed container=${container.name} pod=${this.pod.metadata.name}`,
      };
      this.report();
      this.options.event(
        this.pod,
        'Warning',
        'BackOff',
        `Back-off restarting failed container ${container.name}`,
      );
      const pause = Math.min(BACK_OFF_MS * 2 ** (tries - 1), MAX_BACK_OFF_MS);
      await delay(pause, undefined, { signal }).catch(() => {});
    } else container.lastState = container.state;
    if (signal.aborted) return;
    container.restartCount++;
    container.previous = container.log;
    container.log = new ContainerLog();
  }

  /** The exit code; undefined when the pod is stopped before it has started. */
  private async runOnce(container: Container): Promise<number | undefined> {
    const { signal } = this.stopping;
    const prepared = await this.prepare(container);
    if (prepared === undefined || signal.aborted) return undefined;
    const id = randomUUID().replaceAll('-', '');
    const startedAt = timestamp();
    const end = (exitCode: number, reason: string, message?: string) => {
      container.log.end();
      container.state = {
        kind: 'terminated',
        exitCode,
        reason,
        ...(message !== undefined && { message }),
        startedAt,
        finishedAt: timestamp(),
        id,
      };
      return exitCode;
    };
    if (prepared.argv.length === 0) {
      container.log.write(
        'stdout',
        `rehearsal: image ${container.image} is not run: its command is not known here\n`,
      );
      container.state = { kind: 'running', startedAt, id };
      this.report();
      await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
      return end(0, 'Completed');
    }
    const refused = startError(prepared);
    if (refused !== undefined) {
      this.options.event(this.pod, 'Warning', 'Failed', `Error: ${refused}`);
      return end(128, 'StartError', refused);
    }
    const running = startProcess(prepared);
    container.process = running;
    for (const stream of ['stdout', 'stderr'] as const) {
      running[stream].setEncoding('utf8').on('data', (text: string) => container.log.write(stream, text));
    }
    container.state = { kind: 'running', startedAt, id };
    this.options.event(this.pod, 'Normal', 'Started', `Started container ${container.name}`);
    this.report();
    const code = await running.ended;
    delete container.process;
    return end(code, code === 0 ? 'Completed' : 'Error');
  }

  /** What to run; waits as long as something that it needs is not there. */
  private async prepare(container: Container): Promise<ContainerEnvironment | undefined> {
    const { signal } = this.stopping;
    const wait = async (reason: string, message: string) => {
      container.state = { kind: 'waiting', reason, message };
      this.report();
      this.options.event(this.pod, 'Warning', 'Failed', `Error: ${message}`);
      await delay(BACK_OFF_MS, undefined, { signal }).catch(() => {});
    };
    // RFC 2606: no such host will ever be.
    for (let tries = 0; /^[^/]+\.invalid(:\d+)?\//.test(container.image) && !signal.aborted; tries++) {
      const message = `failed to pull image "${container.image}": no such host`;
      await wait(tries === 0 ? 'ErrImagePull' : 'ImagePullBackOff', message);
    }
    while (!signal.aborted) {
      try {
        return await containerEnvironment(this.place, container.spec);
      } catch (error) {
        if (error instanceof ConfigError) await wait('CreateContainerConfigError', error.message);
        else await wait('CreateContainerError', (error as Error).message);
      }
    }
    return undefined;
  }

  /** Tells the API server; what changes meanwhile is told next. */
  private report(): void {
    if (this.dirty) return;
    this.dirty = true;
    this.reporting = this.reporting.then(async () => {
      this.dirty = false;
      const { name, namespace } = this.pod.metadata;
      const facts = {
        containers: this.containers,
        initContainers: this.initContainers,
        startTime: this.startTime,
        podIp: this.place.podIp,
        hostIp: this.place.hostIp,
      };
      const status = podStatus(this.pod, facts);
      await this.options.client
        .send(
          'PATCH',
          `/api/v1/namespaces/${namespace}/pods/${name}/status`,
          { metadata: { uid: this.uid }, status },
          'application/strategic-merge-patch+json',
        )
        .catch((error: Error) => this.options.onTrouble(error));
    });
  }
}

function newContainer(spec: Fields): Container {
  return {
    spec,
    name: textAt(spec, 'name'),
    image: textAt(spec, 'image'),
    state: { kind: 'waiting', reason: 'ContainerCreating' },
    restartCount: 0,
    final: false,
    log: new ContainerLog(),
  };
}
