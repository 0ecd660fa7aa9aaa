import { sufferFault, takeItsTime } from '../faults/apply.ts';
import { type Fault, faultOf, parseFaults, type Step } from '../faults/grammar.ts';
import { ctrVersion } from './commands/ctr.ts';
import {
  cat,
  envsubst,
  hostname,
  journalctl,
  kubeadmVersion,
  podLogs,
  sed,
  updateCaCertificates,
} from './commands/files.ts';
import { joinScript } from './commands/join-script.ts';
import { kubeadmJoin } from './commands/kubeadm-join.ts';
import { kubeadmReset } from './commands/kubeadm-reset.ts';
import { kubectl } from './commands/kubectl.ts';
import { isLoop, untilDone } from './commands/until.ts';
import type { ExecRequest } from './exec-protocol.ts';
import type { ExecIo } from './exec-server.ts';
import type { Machine } from './machine.ts';

/** One in-node command at work. */
export interface CommandRun extends ExecIo {
  machine: Machine;
  /** Without the program's name. */
  args: string[];
  env: Record<string, string>;
  /** What UNET_REHEARSAL asks of the step, in this client's environment. */
  fault: Fault;
  /** When the step began, milliseconds since the epoch. */
  startedAt: number;
  /** How this try has to fail; undefined: it may succeed. */
  failure: string | undefined;
}

/** Runs a command and returns its exit code. */
export type Command = (run: CommandRun) => Promise<number>;

interface Route {
  matches(argv: readonly string[]): boolean;
  /** The step whose delays and failures apply. */
  step?: Step;
  command: Command;
}

const starts =
  (...words: string[]) =>
  (argv: readonly string[]) =>
    words.every((word, i) => argv[i] === word);

const script = (name: string) => (argv: readonly string[]) => (argv[0] ?? '').endsWith(`/${name}`);

/** A command of the control plane: its weight is loaded only where it runs. */
const lazily =
  (name: keyof typeof import('./control-plane-commands.ts')): Command =>
  async (run) => {
    const commands = await import('./control-plane-commands.ts');
    return await commands[name](run);
  };

/** The commands that the release's targets and unet's own steps run, first match first. */
const routes: Route[] = [
  { matches: (argv) => /\benvsubst\b/.test(argv.join(' ')), command: envsubst },
  { matches: starts('kubeadm', 'init'), step: 'init', command: lazily('kubeadmInit') },
  {
    matches: (argv) => starts('kubeadm', 'token', 'create')(argv) && argv.includes('--print-join-command'),
    step: 'join-command',
    command: lazily('kubeadmToken'),
  },
  { matches: starts('kubeadm', 'token'), command: lazily('kubeadmToken') },
  { matches: starts('kubeadm', 'join'), step: 'join', command: kubeadmJoin },
  { matches: isJoinScript, step: 'join', command: joinScript },
  { matches: starts('kubeadm', 'reset'), step: 'reset', command: kubeadmReset },
  { matches: starts('kubeadm', 'version'), command: kubeadmVersion },
  { matches: script('install-flannel.sh'), step: 'cni', command: lazily('installFlannel') },
  { matches: script('sync-external-ip.sh'), step: 'sync', command: lazily('syncExternalIp') },
  { matches: starts('ctr', 'version'), command: ctrVersion },
  { matches: isLoop, command: untilDone(ctrVersion) },
  {
    matches: starts('ctr', '-n', 'k8s.io', 'images', 'ls'),
    command: async (run) => (await import('./commands/ctr-images.ts')).ctrImagesList(run),
  },
  {
    matches: starts('ctr', '-n', 'k8s.io', 'images', 'import'),
    command: async (run) => (await import('./commands/ctr-images.ts')).ctrImagesImport(run),
  },
  { matches: isKubeconfig, step: 'kubeconfig', command: sed },
  { matches: starts('cat'), command: cat },
  { matches: starts('hostname'), command: hostname },
  { matches: starts('find', '/var/log/pods'), command: podLogs },
  { matches: starts('journalctl'), command: journalctl },
  { matches: starts('kubectl'), command: kubectl },
  { matches: starts('update-ca-certificates'), command: updateCaCertificates },
  { matches: starts('true'), command: async () => 0 },
];

function isJoinScript([shell = '', file = '']: readonly string[]): boolean {
  return /(^|\/)bash$/.test(shell) && file.endsWith('/join-command');
}

function isKubeconfig(argv: readonly string[]): boolean {
  return argv[0] === 'sed' && argv.at(-1) === '/etc/kubernetes/admin.conf';
}

/** Runs one in-node command: the faults of its step first, then the command itself. */
export async function runCommand(machine: Machine, request: ExecRequest, io: ExecIo): Promise<number> {
  const argv = unwrapShell(request.argv);
  const route = routes.find((candidate) => candidate.matches(argv));
  if (route === undefined) {
    const name = argv[0] ?? '';
    io.err(
      `Error: crun: executable file \`${name}\` not found in $PATH: No such file or directory: OCI runtime attempted to invoke a command that was not found\nexec: "${name}": executable file not found in $PATH\n`,
    );
    return 127;
  }
  const fault: Fault = route.step
    ? faultOf(parseFaults(request.faults), route.step, machine.name)
    : { step: 'up' };
  const { rehearsalDirectory, name: node } = machine;
  const failure = await sufferFault(fault, { rehearsalDirectory, node, signal: io.signal });
  // Several steps of the lead run at the same time: the last one's end counts, not the last one's start.
  machine.busyUntil = Math.max(machine.busyUntil, request.startedAt + (fault.takeMs ?? 0));
  const code = await route.command({
    ...io,
    machine,
    args: argv.slice(1),
    env: request.env,
    fault,
    startedAt: request.startedAt,
    failure,
  });
  await takeItsTime(fault, request.startedAt, io.signal);
  return code;
}

/** `sh -c "ctr version"` is the command inside, as long as it needs no shell. */
function unwrapShell(argv: readonly string[]): string[] {
  const [program = '', flags = '', text = ''] = argv;
  const wrapped = /^(\/bin\/)?(ba)?sh$/.test(program) && /^-\w*c$/.test(flags) && !/[|&;<>$`"']/.test(text);
  return wrapped ? text.trim().split(/\s+/) : [...argv];
}
