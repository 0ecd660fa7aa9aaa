/** Which cluster `unet cluster` works on: flags, else the section `cluster:` of unet.yaml, else what is there. */
import { resolve } from 'node:path';
import { parse } from 'yaml';
import type { ClusterManager, KubernetesConfig, NomadConfig } from '../cluster/index.ts';
import { CLUSTER_SECTION } from '../config/file-source.ts';
import { type ConfigText, findProjectFile, readConfig, readUserFile } from '../config/files.ts';
import { UnetError } from '../errors.ts';
import { homeOf } from '../files/home.ts';

export type ConnectionFlags = {
  context?: string;
  kubeconfig?: string;
  nomad?: string;
};

export type ConnectionSource = {
  flags: ConnectionFlags;
  env: NodeJS.ProcessEnv;
  cwd: string;
  signal: AbortSignal;
  warn: (message: string) => void;
};

/** The keys of one kind of cluster; a section with `nomad:` is for Nomad. */
type Section = { kubernetes?: KubernetesConfig; nomad?: NomadConfig };

export async function connect(source: ConnectionSource): Promise<ClusterManager> {
  const { env, signal, warn } = source;
  const { kubernetes, nomad } = fromFlags(source.flags) ?? (await fromFile(source));
  // Loaded when it is needed: the client is larger than all the rest of unet.
  const { ClusterManager: Manager, connectKubernetes, connectNomad } = await import('../cluster/index.ts');
  const options = { env, signal, warn };
  return new Manager(
    nomad === undefined ? await connectKubernetes(kubernetes, options) : await connectNomad(nomad, options),
  );
}

function fromFlags({ context, kubeconfig, nomad }: ConnectionFlags): Section | undefined {
  if (nomad !== undefined) {
    if (context !== undefined || kubeconfig !== undefined) {
      throw new UnetError('UNET_USAGE', '--nomad is another cluster than --context and --kubeconfig');
    }
    return { nomad: nomadAt(nomad) };
  }
  if (context === undefined && kubeconfig === undefined) {
    return undefined;
  }
  return { kubernetes: { auth: 'kubeconfig', context, kubeconfig } };
}

function nomadAt(url: string): NomadConfig {
  const match = /^(?:(https?):\/\/)?([^/\s]+?)\/?$/.exec(url);
  const [, scheme, host = ''] = match ?? [];
  if (match === null) {
    throw new UnetError('UNET_USAGE', `--nomad ${url}: not a URL`, {
      remedy: 'say --nomad http://HOST:4646',
    });
  }
  const endpoint = /:\d+$/.test(host) ? host : `${host}:4646`;
  return { endpoint, ...(scheme !== undefined && { http_scheme: scheme as 'http' | 'https' }) };
}

async function fromFile({ cwd, env }: ConnectionSource): Promise<Section> {
  for (const file of await configFiles(env, cwd)) {
    const section = file === undefined ? undefined : sectionOf(file);
    if (section !== undefined) {
      return section;
    }
  }
  return {};
}

/** As for the settings: the file of UNET_CONFIG takes the place of the project's; the user's file comes after it. */
async function configFiles(env: NodeJS.ProcessEnv, cwd: string): Promise<(ConfigText | undefined)[]> {
  const given = env.UNET_CONFIG ?? '';
  if (given === '') {
    return [await findProjectFile(cwd, homeOf(env)), await readUserFile(env)];
  }
  const path = resolve(cwd, given);
  const file = await readConfig(path);
  if (file === undefined) {
    throw new UnetError('UNET_CONFIG_INVALID', `UNET_CONFIG: ${path} does not exist`);
  }
  return [file, await readUserFile(env)];
}

function sectionOf({ path, text }: ConfigText): Section | undefined {
  let value: unknown;
  try {
    value = parse(text);
  } catch (error) {
    throw new UnetError('UNET_CONFIG_INVALID', `${path}: ${(error as Error).message.split('\n')[0]}`);
  }
  const section = isRecord(value) ? value[CLUSTER_SECTION] : undefined;
  if (section === undefined || section === null) {
    return undefined;
  }
  if (!isRecord(section)) {
    throw new UnetError('UNET_CONFIG_INVALID', `${path}: "cluster" needs lines such as "  auth: kubeconfig"`);
  }
  const { nomad, ...kubernetes } = section;
  if (nomad === undefined) {
    return { kubernetes: kubernetes as KubernetesConfig };
  }
  const [other] = Object.keys(kubernetes);
  if (other !== undefined) {
    throw new UnetError(
      'UNET_CONFIG_INVALID',
      `${path}: "cluster" has "nomad" and "${other}": one cluster at a time`,
    );
  }
  return { nomad: (nomad ?? {}) as NomadConfig };
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
