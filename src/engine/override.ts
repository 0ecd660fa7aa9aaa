/** The override file of one node: what its container gets beside what the release's compose file says. */

import type { Environment } from '../process/environment.ts';
import { type ComposeFile, SERVICE } from './compose-file.ts';
import type { ContainerOptions } from './container-options.ts';
import type { PublishedPort } from './container-texts.ts';
import type { Labels } from './labels.ts';
import { CA_DIRECTORY } from './refuse-extras.ts';

export type OverrideInput = {
  file: ComposeFile;
  options: ContainerOptions;
  /** Built under this name where it is not there. */
  image: string;
  labels: Labels;
  /** The host's proxy variables, as the node gets them. */
  proxy: Environment;
  /** `podman`, `docker`, `nerdctl`: they take GPUs in different ways. */
  engineType: string;
};

/** The text of the file. Engines merge it over the release's own: lists are joined, single values replaced. */
export function renderOverride(input: OverrideInput): string {
  const { file, labels } = input;
  const labelled = (names: readonly string[]) => Object.fromEntries(names.map((name) => [name, { labels }]));
  const content = {
    services: { [SERVICE]: service(input) },
    // Without a word of it in the file the project's network is made all the same.
    networks: labelled(file.networks.length > 0 ? file.networks : ['default']),
    ...(file.volumes.length > 0 ? { volumes: labelled(file.volumes) } : {}),
  };
  // JSON is YAML with all texts quoted: clients in Python read YAML 1.1, where `no` is false and 22:22 is 1342.
  return `${JSON.stringify(literal(content), null, 2)}\n`;
}

function service({
  file,
  options,
  image,
  labels,
  proxy,
  engineType,
}: OverrideInput): Record<string, unknown> {
  const { mounts, ports, ulimits, variables, caCerts, stopGraceMs } = options;
  const environment = {
    ...proxy,
    ...Object.fromEntries(variables.map(({ name, value }) => [name, value])),
  };
  const volumes = [
    ...mounts.map(({ source, target, readOnly }) => bind(source, target, readOnly)),
    ...caCerts.map((path, index) => bind(path, `${CA_DIRECTORY}/unet-${index + 1}.crt`, true)),
  ];
  const { devices, deploy } = hardware(options, engineType);
  return {
    image,
    labels,
    // The agent owns the node: an engine must not bring back what was taken down.
    restart: 'no',
    stop_grace_period: `${Math.ceil(stopGraceMs / 1000)}s`,
    ...(volumes.length > 0 ? { volumes } : {}),
    ...(ports.length > 0 ? { ports: ports.map(portText) } : {}),
    ...(devices.length > 0 ? { devices } : {}),
    ...(deploy === undefined ? {} : { deploy }),
    ...(ulimits.length > 0
      ? { ulimits: Object.fromEntries(ulimits.map(({ name, soft, hard }) => [name, { soft, hard }])) }
      : {}),
    ...(Object.keys(environment).length > 0
      ? {
          environment: file.variablesAreList
            ? Object.entries(environment).map(([name, value]) => `${name}=${value}`)
            : environment,
        }
      : {}),
  };
}

function bind(source: string, target: string, readOnly: boolean): Record<string, unknown> {
  return { type: 'bind', source, target, ...(readOnly ? { read_only: true } : {}) };
}

function portText({ address, host, node, protocol }: PublishedPort): string {
  return `${address === undefined ? '' : `${address}:`}${host}:${node}${protocol === 'udp' ? '/udp' : ''}`;
}

/** GPUs: podman has CDI names only, docker and nerdctl a reservation that their NVIDIA runtime serves. */
function hardware({ devices, gpus }: ContainerOptions, engineType: string) {
  if (gpus === undefined) {
    return { devices };
  }
  const numbers = gpus.split(',');
  if (engineType === 'podman') {
    return { devices: [...devices, ...numbers.map((number) => `nvidia.com/gpu=${number}`)] };
  }
  const which = gpus === 'all' ? { count: 'all' } : { device_ids: numbers };
  const reservation = { driver: 'nvidia', ...which, capabilities: ['gpu'] };
  return { devices, deploy: { resources: { reservations: { devices: [reservation] } } } };
}

/** Compose puts variables of its environment in for `$NAME`; what a user wrote is meant as it is. */
function literal(value: unknown): unknown {
  if (typeof value === 'string') {
    return value.replaceAll('$', '$$$$');
  }
  if (Array.isArray(value)) {
    return value.map(literal);
  }
  return typeof value === 'object' && value !== null
    ? Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, literal(inner)]))
    : value;
}
