import type { CommandRun } from '../commands.ts';

/** `sh -euc "envsubst <… >/tmp/kubeadm-config.yaml"`: remembers that the configuration is there. */
export async function envsubst({ machine, env }: CommandRun): Promise<number> {
  const port = env.PORT_KUBE_APISERVER ?? machine.ports.apiServer;
  machine.files.set('/tmp/kubeadm-config.yaml', `controlPlaneEndpoint: "${machine.name}:${port}"\n`);
  return 0;
}

/** `sed -e s/A/B/g FILE`, as `make kubeconfig` uses it. */
export async function sed({ machine, args, failure, out, err }: CommandRun): Promise<number> {
  const file = args.at(-1) ?? '';
  const content = machine.files.get(file);
  const expression = /^s\/([^/]*)\/([^/]*)\/g$/.exec(args.at(-2) ?? '');
  if (content === undefined || failure !== undefined) {
    err(`sed: can't read ${file}: No such file or directory\n`);
    return 2;
  }
  if (expression === null) {
    err(`sed: -e expression #1, char 0: no previous regular expression\n`);
    return 1;
  }
  out(content.replaceAll(expression[1] ?? '', expression[2] ?? ''));
  return 0;
}

/** `cat FILE…` of the files that the steps write. */
export async function cat({ machine, args, out, err }: CommandRun): Promise<number> {
  let code = 0;
  for (const file of args) {
    const content = machine.files.get(file);
    if (content !== undefined) out(content);
    else {
      err(`cat: ${file}: No such file or directory\n`);
      code = 1;
    }
  }
  return code;
}

/** `find /var/log/pods -name *.log -exec tail -v …`: what the kubelet has kept of containers. */
export async function podLogs({ machine, out }: CommandRun): Promise<number> {
  for (const [file, content] of machine.files) {
    if (file.startsWith('/var/log/pods/')) out(`==> ${file} <==\n${content}\n`);
  }
  return 0;
}

export async function hostname({ machine, out }: CommandRun): Promise<number> {
  out(`${machine.name}\n`);
  return 0;
}

export async function kubeadmVersion({ args, out }: CommandRun): Promise<number> {
  const short = args.some((argument) => argument.includes('short'));
  out(short ? 'v1.34.2\n' : 'kubeadm version: &version.Info{Major:"1", Minor:"34", GitVersion:"v1.34.2"}\n');
  return 0;
}

/** `journalctl [--follow]`. */
export async function journalctl({ machine, args, out, signal }: CommandRun): Promise<number> {
  const follow = args.includes('--follow') || args.includes('-f');
  await machine.journal.read((line) => out(`${line}\n`), follow, signal);
  return 0;
}

/** `update-ca-certificates`: says what the real one says; a rehearsed node pulls nothing that it would have to trust. */
export async function updateCaCertificates({ out }: CommandRun): Promise<number> {
  out('Updating certificates in /etc/ssl/certs...\ndone.\n');
  return 0;
}
