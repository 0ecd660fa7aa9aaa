import { createHash, randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, rmdirSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { findDaemons } from './daemon-process.ts';
import type { Project } from './project.ts';

/** Something mounted in the node. */
export interface MountOf {
  type: string;
  source: string;
  target: string;
  readOnly: boolean;
}

/** What the compose files give a container. */
export interface ContainerSettings {
  image: string;
  labels: Record<string, string>;
  environment: Record<string, string>;
  mounts: MountOf[];
  ports: string[];
  devices: string[];
  ulimits: Record<string, unknown>;
  restart: string;
  stopGrace: string;
}

/** What an engine would remember of a created container and its pod. */
export interface Container {
  id: string;
  podId: string;
  node: string;
  createdAt: string;
  settings: ContainerSettings;
}

/** Creates the state of a project's container, or finds the one that is there. */
export function createContainer(project: Project, node: string, settings: ContainerSettings): Container {
  const known = readContainer(project);
  if (known !== undefined) return known;
  mkdirSync(project.stateDirectory, { recursive: true, mode: 0o700 });
  const createdAt = new Date().toISOString();
  const container = { id: randomId(), podId: randomId(), node, createdAt, settings };
  writeFileSync(containerFile(project), `${JSON.stringify(container)}\n`, { mode: 0o600 });
  return container;
}

/** The project's container, running or not; undefined when there is none. */
export function readContainer(project: Project): Container | undefined {
  try {
    return JSON.parse(readFileSync(containerFile(project), 'utf8')) as Container;
  } catch {
    return undefined;
  }
}

/** As an engine shows it. `exited`: it ran once, and its process is gone. */
export function containerState(project: Project): { state: 'running' | 'exited' | 'created'; pid?: number } {
  const [pid] = findDaemons(project);
  if (pid !== undefined) return { state: 'running', pid };
  return { state: existsSync(path.join(project.stateDirectory, 'pid')) ? 'exited' : 'created' };
}

/** What the node's first process has written. */
export function containerLog(project: Project): string {
  try {
    return readFileSync(path.join(project.stateDirectory, 'node.log'), 'utf8');
  } catch {
    return '';
  }
}

/** Removes the state of the project; the hidden directory too when nothing else is in it. */
export function removeContainer(project: Project): void {
  rmSync(project.stateDirectory, { recursive: true, force: true });
  try {
    rmdirSync(project.rehearsalDirectory);
  } catch {
    // Another project's state or counted tries are in it, or it is gone.
  }
}

/** The image's id: of the release, so that it is the same on every node. */
export function imageId(): string {
  return createHash('sha256').update('unet-rehearsal-image').digest('hex');
}

function containerFile(project: Project): string {
  return path.join(project.stateDirectory, 'container.json');
}

function randomId(): string {
  return randomBytes(32).toString('hex');
}
