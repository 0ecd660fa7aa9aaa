import { createInterface } from 'node:readline';
import type { Project } from '../state/project.ts';
import { exec } from './exec.ts';

/** `exec node bash`: the in-node commands, one per line of the standard input. */
export async function shell(
  project: Project,
  options: { env: Record<string, string>; terminal: boolean },
  signal: AbortSignal,
): Promise<number> {
  let code = 0;
  const prompt = () => process.stdin.isTTY && process.stdout.write('root@node:/usernetes# ');
  prompt();
  for await (const line of createInterface({ input: process.stdin, signal })) {
    const argv = line.trim().split(/\s+/);
    if (argv[0] === 'exit') break;
    if (argv[0] !== '') code = await exec(project, { ...options, argv }, signal);
    prompt();
  }
  return code;
}
