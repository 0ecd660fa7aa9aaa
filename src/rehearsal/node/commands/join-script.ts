import { readFileSync } from 'node:fs';
import path from 'node:path';
import type { CommandRun } from '../commands.ts';
import { kubeadmJoin } from './kubeadm-join.ts';

/**
 * `/bin/bash /usernetes/join-command`: reads the file's hosts line and its join line, and never runs it.
 * Prints the trace of `set -x` as bash does.
 */
export async function joinScript(run: CommandRun): Promise<number> {
  const { machine, out, args } = run;
  const file = args[0] ?? '';
  const text = readScript(path.join(machine.releaseDirectory, path.basename(file)));
  if (text === undefined) {
    out(`/bin/bash: ${file}: No such file or directory\n`);
    return 127;
  }
  for (const line of text.split('\n').map((raw) => raw.trim())) {
    if (line === '' || line.startsWith('#') || line.startsWith('set ')) continue;
    const hosts = /^echo "([^"]*)" ?>\/etc\/hosts\.u7s$/.exec(line);
    if (hosts !== null) {
      out(`+ echo '${hosts[1]}'\n`);
      addHosts(run, hosts[1] ?? '');
    } else if (/^cat \/etc\/hosts\.u7s ?>>\/etc\/hosts$/.test(line)) out('+ cat /etc/hosts.u7s\n');
    else if (line.startsWith('kubeadm join ')) {
      out(`+ ${line}\n`);
      const code = await kubeadmJoin({ ...run, args: line.split(/\s+/).slice(1) });
      if (code !== 0) return code;
    } else {
      out(`${file}: the rehearsed node runs only the lines of a join-command: ${line.slice(0, 40)}\n`);
      return 127;
    }
  }
  return 0;
}

function readScript(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return undefined;
  }
}

function addHosts({ machine }: CommandRun, line: string): void {
  const [address, ...names] = line.trim().split(/\s+/);
  for (const name of names) if (address !== undefined) machine.hosts.set(name, address);
}
