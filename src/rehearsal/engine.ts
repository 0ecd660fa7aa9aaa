// Entry of the stand-in for docker, podman and nerdctl: as much of them as unet needs. Its images are made
// up: archives as the real ones write them, with nothing in their layers that could run.
import { createReadStream, createWriteStream } from 'node:fs';
import { finished } from 'node:stream/promises';
import { fileURLToPath } from 'node:url';
import { ArchiveError, ImageStore, type StoredImage } from './engine/store.ts';
import { containerLog, containerState, readContainer } from './state/container.ts';
import { findProject } from './state/project.ts';

const noImage = 125;
const directory = fileURLToPath(new URL('../', import.meta.url));

/** @returns the exit code */
async function main([command = '', ...args]: readonly string[]): Promise<number> {
  const store = new ImageStore(directory);
  switch (command) {
    case 'version':
    case 'info':
    case '--version':
      process.stdout.write('unet rehearsal engine version 4.3.1\n');
      return 0;
    case 'image': {
      const [verb = '', ...rest] = args;
      if (verb === 'inspect') return inspect(store, rest);
      if (verb === 'exists') return store.find(rest[0] ?? '') === undefined ? 1 : 0;
      if (verb === 'ls' || verb === 'list') return list(store);
      return await main([verb, ...rest]);
    }
    case 'images':
      return list(store);
    case 'load':
      return await load(store, args);
    case 'save':
      return await save(store, args);
    case 'tag': {
      const image = found(store, args[0]);
      store.tag(image.id, args[1] ?? '');
      return 0;
    }
    case 'rmi':
    case 'rm': {
      const names = args.filter((word) => !word.startsWith('-'));
      for (const name of names) {
        found(store, name);
        store.remove(name);
        process.stdout.write(`Untagged: ${name}\n`);
      }
      return 0;
    }
    case 'ps': {
      const project = ownProject();
      const container = readContainer(project);
      const status = { running: 'Up', exited: 'Exited (137)', created: 'Created' }[
        containerState(project).state
      ];
      if (container !== undefined) process.stdout.write(`${container.id} ${status}\n`);
      return 0;
    }
    case 'logs':
      process.stdout.write(containerLog(ownProject()));
      return 0;
    case 'inspect':
      return inspectContainer(args);
    case 'pull':
      throw new Refusal(`initializing source docker://${args.at(-1)}: a rehearsal has no network`);
    default:
      throw new Refusal(`unrecognized command \`rehearsal ${command}\``);
  }
}

function inspectContainer(args: readonly string[]): number {
  const project = ownProject();
  const container = readContainer(project);
  if (container === undefined) throw new Refusal(`no such object: "${args.at(-1)}"`);
  const { state, pid } = containerState(project);
  const described = { ...container, State: { Status: state, Pid: pid ?? 0, Running: state === 'running' } };
  const format = optionOf(args, ['--format', '-f']);
  process.stdout.write(
    format === undefined ? `${JSON.stringify([described], null, 2)}\n` : `${render(format, described)}\n`,
  );
  return 0;
}

function ownProject() {
  return findProject([`${directory}docker-compose.yaml`], undefined);
}

class Refusal extends Error {}

function found(store: ImageStore, name = ''): StoredImage {
  const image = store.find(name);
  if (image === undefined) throw new Refusal(`${name}: image not known`);
  return image;
}

function inspect(store: ImageStore, args: readonly string[]): number {
  const at = args.findIndex((word) => word === '--format' || word === '-f');
  const format = at < 0 ? undefined : args[at + 1];
  const names = args.filter((_, index) => at < 0 || (index !== at && index !== at + 1));
  const described = names.map((name) => describe(found(store, name)));
  if (format === undefined) {
    process.stdout.write(`${JSON.stringify(described, null, 4)}\n`);
    return 0;
  }
  for (const image of described) process.stdout.write(`${render(format, image)}\n`);
  return 0;
}

/** `{{.Name}}` and `{{.Name.Name}}` of a Go template. */
function render(format: string, object: unknown): string {
  return format.replace(/\{\{\s*\.([\w.]+)\s*\}\}/g, (_, path: string) =>
    String(
      path
        .split('.')
        .reduce<unknown>((value, key) => (value as Record<string, unknown> | undefined)?.[key], object) ?? '',
    ),
  );
}

function describe({ id, names, architecture, os, size }: StoredImage) {
  return { Id: id, RepoTags: names, Architecture: architecture, Os: os, Size: size };
}

function list(store: ImageStore): number {
  for (const { names, id } of store.list()) {
    for (const name of names) process.stdout.write(`${name} ${id.slice(0, 12)}\n`);
  }
  return 0;
}

async function load(store: ImageStore, args: readonly string[]): Promise<number> {
  const file = optionOf(args, ['-i', '--input']);
  const names = await store.load(file === undefined ? process.stdin : createReadStream(file));
  for (const name of names) process.stdout.write(`Loaded image: ${name}\n`);
  return 0;
}

async function save(store: ImageStore, args: readonly string[]): Promise<number> {
  const file = optionOf(args, ['-o', '--output']);
  const withValue = new Set(['-o', '--output', '--format']);
  const [name = ''] = args.filter((word, at) => !word.startsWith('-') && !withValue.has(args[at - 1] ?? ''));
  const image = found(store, name);
  if (file === undefined) {
    await store.save(image, name, process.stdout);
    return 0;
  }
  const output = createWriteStream(file);
  await store.save(image, name, output);
  output.end();
  await finished(output);
  return 0;
}

function optionOf(args: readonly string[], flags: readonly string[]): string | undefined {
  const at = args.findIndex((word) => flags.includes(word));
  return at < 0 ? undefined : args[at + 1];
}

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  process.stderr.write(`Error: ${(error as Error).message}\n`);
  process.exitCode = error instanceof Refusal || error instanceof ArchiveError ? noImage : 1;
}
