import { readFileSync } from 'node:fs';
import { join } from 'node:path';

/** Kills the guardian of the node in `directory`: what its agent leaves is for another agent then. */
export function killGuardian(directory: string): void {
  const { pid } = JSON.parse(readFileSync(join(directory, 'guardian.json'), 'utf8'));
  process.kill(pid, 'SIGKILL');
}
