/** What a release's compose file already uses: the ground on which an override has to fit. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import * as z from 'zod';
import { UnetError } from '../errors.ts';
import { exists } from '../files/exists.ts';

/** The service that is the Kubernetes node; upstream's Makefile names it NODE_SERVICE_NAME. */
export const SERVICE = 'node';

// In the order in which podman-compose and docker compose look for them.
const NAMES = ['compose.yaml', 'compose.yml', 'docker-compose.yaml', 'docker-compose.yml'];

export type ComposeFile = {
  path: string;
  /** Where in the node something is mounted. */
  targets: string[];
  /** Names of the variables that the file sets. */
  variables: string[];
  /** Lists and mappings of one key cannot be merged, so an override has to have the file's form. */
  variablesAreList: boolean;
  /** Whether the service has `annotations`, which docker-compose 1 does not know. */
  annotated: boolean;
  /** Names of the volumes and networks that the project makes. */
  volumes: string[];
  networks: string[];
};

const Fields = z.record(z.string(), z.unknown());
const Content = z.object({
  services: z.object({ [SERVICE]: Fields }),
  volumes: Fields.nullish(),
  networks: Fields.nullish(),
});

/**
 * Reads the compose file in `directory`; undefined when there is none.
 *
 * @throws UnetError UNET_RELEASE_INVALID when it is no compose file, or has no service `node`.
 */
export async function readComposeFile(directory: string): Promise<ComposeFile | undefined> {
  for (const name of NAMES) {
    const path = join(directory, name);
    if (await exists(path)) {
      return interpret(path, await document(path, await readFile(path, 'utf8')));
    }
  }
  return undefined;
}

function interpret(path: string, content: unknown): ComposeFile {
  const parsed = Content.safeParse(content);
  if (!parsed.success) {
    throw invalid(path, `has no service "${SERVICE}"`);
  }
  const { services, volumes, networks } = parsed.data;
  const service = services[SERVICE];
  const { environment } = service;
  return {
    path,
    targets: items(service.volumes).flatMap(targetOf),
    variables: Array.isArray(environment)
      ? environment.map((entry) => String(entry).split('=', 1)[0] ?? '')
      : Object.keys(Fields.safeParse(environment).data ?? {}),
    variablesAreList: Array.isArray(environment),
    annotated: service.annotations !== undefined,
    volumes: Object.keys(volumes ?? {}),
    networks: Object.keys(networks ?? {}),
  };
}

async function document(path: string, text: string): Promise<unknown> {
  const { parse } = await import('./yaml.ts');
  try {
    return parse(text);
  } catch (error) {
    throw invalid(path, `is not YAML: ${error instanceof Error ? error.message.split('\n', 1)[0] : error}`);
  }
}

/** Of `SRC:TARGET[:MODE]`, `TARGET` or the long form. */
function targetOf(volume: unknown): string[] {
  if (typeof volume === 'string') {
    const parts = volume.split(':');
    return [parts[1] ?? parts[0] ?? ''];
  }
  const target = Fields.safeParse(volume).data?.target;
  return typeof target === 'string' ? [target] : [];
}

function items(value: unknown): unknown[] {
  return Array.isArray(value) ? value : [];
}

function invalid(path: string, what: string): UnetError {
  return new UnetError('UNET_RELEASE_INVALID', `${path} ${what}`, {
    fatal: true,
    remedy: 'use a complete Usernetes release',
  });
}
