import { readFileSync } from 'node:fs';
import path from 'node:path';
import { ImageStore } from '../engine/store.ts';
import type { Project } from '../state/project.ts';

/** `build`: makes up the image that podman-compose would build of the Dockerfile, under the name that it would give it. */
export function build(project: Project): number {
  const dockerfile = readFileSync(path.join(project.directory, 'Dockerfile'), 'utf8');
  const name = `localhost/${project.name}_node:latest`;
  const labels = { 'org.opencontainers.image.licenses': 'MIT' };
  const { id } = new ImageStore(project.directory).build(name, dockerfile, labels);
  process.stdout.write(
    `STEP 1/1: FROM scratch\nCOMMIT ${project.name}_node\nSuccessfully tagged ${name}\n${id}\n`,
  );
  return 0;
}
