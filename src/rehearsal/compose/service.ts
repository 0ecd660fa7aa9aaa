import { existsSync } from 'node:fs';
import { ImageStore } from '../engine/store.ts';
import type { ContainerSettings, MountOf } from '../state/container.ts';
import type { Project } from '../state/project.ts';
import { isFields, mergeFiles } from './config.ts';

/**
 * What an engine would give the container: read from the merged files, and checked as an engine would.
 *
 * @throws Error in an engine's words
 */
export function readService(project: Project & { files: string[] }, noBuild: boolean): ContainerSettings {
  const { services } = mergeFiles(project.files);
  const service = isFields(services) ? services.node : undefined;
  if (!isFields(service)) throw new Error('no such service: node');
  const image = typeof service.image === 'string' ? service.image : `localhost/${project.name}_node:latest`;
  if (noBuild && new ImageStore(project.directory).find(image) === undefined) {
    throw new Error(`${image}: image not known`);
  }
  const settings: ContainerSettings = {
    image,
    labels: pairs(service.labels),
    environment: pairs(service.environment),
    mounts: list(service.volumes).map((volume) => mountOf(volume, project)),
    ports: list(service.ports).map(String),
    devices: list(service.devices).map(String),
    ulimits: isFields(service.ulimits) ? service.ulimits : {},
    restart: String(service.restart ?? 'no'),
    stopGrace: String(service.stop_grace_period ?? '10s'),
  };
  check(settings);
  return settings;
}

function check({ mounts, ports, devices }: ContainerSettings): void {
  const targets = mounts.map(({ target }) => target);
  const twice = targets.find((target, index) => targets.indexOf(target) !== index);
  if (twice !== undefined) throw new Error(`${twice}: duplicate mount destination`);
  // What the rehearsed node does not need may be absent: /boot and /lib/modules in a container.
  const gone = mounts.find(({ type, source }) => type === 'bind' && source !== '' && !existsSync(source));
  if (gone !== undefined) throw new Error(`statfs ${gone.source}: no such file or directory`);
  const device = devices
    .map((text) => text.split(':')[0] ?? '')
    .find((text) => text.startsWith('/') && !existsSync(text));
  if (device !== undefined) throw new Error(`stat ${device}: no such file or directory`);
  const hosts = ports.map((text) => `${text.split(':').at(-2)}${text.endsWith('/udp') ? '/udp' : '/tcp'}`);
  const taken = hosts.find((host, index) => hosts.indexOf(host) !== index);
  if (taken !== undefined) throw new Error(`rootlessport listen ${taken}: bind: address already in use`);
}

function mountOf(volume: unknown, project: Project): MountOf {
  if (isFields(volume)) {
    const { type, source, target, read_only } = volume;
    return {
      type: String(type ?? 'volume'),
      source: String(source ?? ''),
      target: String(target ?? ''),
      readOnly: read_only === true,
    };
  }
  const [source = '', target = '', mode = 'rw'] = String(volume).split(':');
  const bind = source.startsWith('.') || source.startsWith('/');
  return {
    type: bind ? 'bind' : 'volume',
    source: source === '.' ? project.directory : bind ? source : `${project.name}_${source}`,
    target,
    readOnly: mode === 'ro',
  };
}

/** A mapping, or a list of NAME=VALUE. */
function pairs(value: unknown): Record<string, string> {
  const entries = isFields(value)
    ? Object.entries(value)
    : list(value).map((text) => String(text).split(/=(.*)/s).slice(0, 2) as [string, string]);
  return Object.fromEntries(entries.map(([name, inner]) => [name, String(inner ?? '')]));
}

function list(value: unknown): unknown[] {
  return Array.isArray(value) ? value : [];
}
