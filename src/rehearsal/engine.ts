// Entry of the stand-in for docker, podman and nerdctl: images of this release's directory, and what is asked of an engine.
import { fileURLToPath } from 'node:url';
import { loadArchive } from './engine/load.ts';
import { readContainer } from './state/container.ts';
import { findDaemons } from './state/daemon-process.ts';
import { addImages, findImage } from './state/images.ts';
import { findProject } from './state/project.ts';

const directory = fileURLToPath(new URL('../', import.meta.url));

/** @returns the exit code */
async function main(argv: readonly string[]): Promise<number> {
  const project = findProject([`${directory}docker-compose.yaml`], undefined);
  const [command = '', ...rest] = argv;
  const words = command === 'image' ? rest.slice(1) : rest;
  const name = words.at(-1) ?? '';
  switch (command === 'image' ? `image ${rest[0]}` : command) {
    case 'version':
    case 'info':
      process.stdout.write('unet rehearsal engine version 5.0.0\n');
      return 0;
    case 'image inspect': {
      const id = findImage(project, name);
      if (id === undefined) return fail(`${name}: image not known`);
      process.stdout.write(`${id.replace('sha256:', '')}\n`);
      return 0;
    }
    case 'load':
    case 'image load': {
      const images = await loadArchive(name);
      addImages(project, images);
      for (const loaded of Object.keys(images)) process.stdout.write(`Loaded image: ${loaded}\n`);
      return 0;
    }
    case 'pull':
      return fail(`initializing source docker://${name}: there is no registry in a rehearsal`);
    case 'ps': {
      const container = readContainer(project);
      const running = findDaemons(project).length > 0;
      if (container !== undefined) process.stdout.write(`${container.id} ${running ? 'Up' : 'Created'}\n`);
      return 0;
    }
    case 'logs':
      return 0;
    case 'inspect': {
      const container = readContainer(project);
      if (container === undefined) return fail(`no such object: "${name}"`);
      process.stdout.write(`${JSON.stringify([container], null, 2)}\n`);
      return 0;
    }
    default:
      return fail(`unrecognized command \`${argv.join(' ')}\``);
  }
}

function fail(message: string): number {
  process.stderr.write(`Error: ${message}\n`);
  return 125;
}

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  process.exitCode = fail((error as Error).message);
}
