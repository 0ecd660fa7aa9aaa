import { existsSync } from 'node:fs';
import path from 'node:path';

/** Where one compose project of the stand-in lives. */
export interface Project {
  name: string;
  /** The release directory: the one of the (first) compose file. */
  directory: string;
  /** Hidden directory of everything that the stand-in keeps, mode 0700. */
  rehearsalDirectory: string;
  /** This project's part of it; it exists from `up` to `down`. */
  stateDirectory: string;
}

/** What podman-compose looks for, in its order. */
const defaultFiles = ['compose.yaml', 'compose.yml', 'docker-compose.yaml', 'docker-compose.yml'] as const;

/**
 * Finds the project like podman-compose: by the first -f file, else by the compose file here; named by
 * -p, COMPOSE_PROJECT_NAME, or the directory.
 *
 * @throws Error when a compose file is missing
 */
export function findProject(
  files: readonly string[],
  name: string | undefined,
): Project & { files: string[] } {
  const chosen = files.length > 0 ? files : defaultFiles.filter((file) => existsSync(file)).slice(0, 1);
  const [first] = chosen;
  if (first === undefined) {
    throw new Error(`no ${defaultFiles.join(', ')} file found, pass files with -f`);
  }
  const missing = chosen.filter((file) => !existsSync(file));
  if (missing.length > 0) throw new Error(`missing files: ['${missing.join("', '")}']`);
  const directory = path.resolve(path.dirname(first));
  const project = name ?? (process.env.COMPOSE_PROJECT_NAME || nameOfDirectory(directory));
  const rehearsalDirectory = path.join(directory, '.rehearsal');
  const stateDirectory = path.join(rehearsalDirectory, project);
  return { name: project, directory, rehearsalDirectory, stateDirectory, files: [...chosen] };
}

/** The default name of a project: what compose makes of the directory's name. */
function nameOfDirectory(directory: string): string {
  const name = path
    .basename(directory)
    .toLowerCase()
    .replace(/[^-_a-z0-9]/g, '');
  return name === '' ? 'default' : name;
}
