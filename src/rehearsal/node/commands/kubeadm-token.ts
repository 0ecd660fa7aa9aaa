import { randomBytes } from 'node:crypto';
import { resourceTypes } from '../../api/resource-types.ts';
import { createToken, listTokens, parseToken } from '../../control-plane/bootstrap-token.ts';
import type { CommandRun } from '../commands.ts';
import { kubeadmError } from './klog.ts';

const dayMs = 24 * 3600_000;

/** `kubeadm token create [TOKEN] [--ttl D] [--print-join-command]`, `list`, `delete TOKEN|ID…`. */
export async function kubeadmToken(run: CommandRun): Promise<number> {
  const { machine, args, err, failure } = run;
  if (failure !== undefined) {
    const url = `https://${machine.name}:${machine.ports.apiServer}/api/v1/namespaces/kube-system/secrets`;
    const id = randomBytes(3).toString('hex');
    err(
      `failed to create or update bootstrap token with name bootstrap-token-${id}: unable to create Secret: Post "${url}?timeout=10s": dial tcp ${machine.hostIp}:${machine.ports.apiServer}: connect: connection refused\nTo see the stack trace of this error execute with --v=5 or higher\n`,
    );
    return 1;
  }
  if (machine.controlPlane === undefined) {
    err(
      'failed to load admin kubeconfig: open /etc/kubernetes/admin.conf: no such file or directory\nTo see the stack trace of this error execute with --v=5 or higher\n',
    );
    return 1;
  }
  switch (args[1]) {
    case 'create':
      return create(run);
    case 'list':
      return list(run);
    case 'delete':
      return remove(run);
    default:
      err(kubeadmError(`unknown command "${args[1] ?? ''}" for "kubeadm token"`));
      return 1;
  }
}

function create({ machine, args, out, err }: CommandRun): number {
  const ttl = flagValue(args, '--ttl');
  const lifetimeMs = ttl === undefined ? dayMs : parseGoDuration(ttl);
  if (lifetimeMs === undefined) {
    err(
      `invalid argument "${ttl}" for "--ttl" flag: time: invalid duration "${ttl}"\nTo see the stack trace of this error execute with --v=5 or higher\n`,
    );
    return 1;
  }
  const { controlPlane } = machine;
  if (controlPlane === undefined) return 1;
  const given = args
    .slice(2)
    .map(parseToken)
    .find((token) => token !== undefined);
  const { id, secret } = createToken(controlPlane.store, lifetimeMs, given);
  const hash = controlPlane.authority.publicKeyHash;
  out(
    args.includes('--print-join-command')
      ? `kubeadm join ${machine.name}:${machine.ports.apiServer} --token ${id}.${secret} --discovery-token-ca-cert-hash sha256:${hash} \n`
      : `${id}.${secret}\n`,
  );
  return 0;
}

function list({ machine, out }: CommandRun): number {
  const tokens = machine.controlPlane === undefined ? [] : listTokens(machine.controlPlane.store);
  const row = (...cells: string[]) =>
    `${cells.map((cell, i) => cell.padEnd([25, 12, 23, 25, 57][i] ?? 0)).join('')}\n`;
  out(row('TOKEN', 'TTL', 'EXPIRES', 'USAGES', 'DESCRIPTION', 'EXTRA GROUPS'));
  for (const { id, secret, expiration } of tokens) {
    const left =
      expiration === ''
        ? '<forever>'
        : `${Math.max(0, Math.round((Date.parse(expiration) - Date.now()) / 3600_000))}h`;
    out(
      row(
        `${id}.${secret}`,
        left,
        expiration || '<never>',
        'authentication,signing',
        '<none>',
        'system:bootstrappers:kubeadm:default-node-token',
      ),
    );
  }
  return 0;
}

function remove({ machine, args, out, err }: CommandRun): number {
  const wanted = args.slice(2).filter((argument) => !argument.startsWith('-'));
  for (const text of wanted) {
    const id = text.split('.')[0] ?? '';
    if (!/^[a-z0-9]{6}$/.test(id)) {
      err(
        `given token didn't match pattern "\\\\A([a-z0-9]{6})\\\\z" or "\\\\A([a-z0-9]{6})\\\\.([a-z0-9]{16})\\\\z"\n`,
      );
      return 1;
    }
    const name = `bootstrap-token-${id}`;
    const store = machine.controlPlane?.store;
    if (store?.find(resourceTypes.secrets, name, 'kube-system') === undefined) {
      err(
        `failed to delete bootstrap token "${id}": secrets "${name}" not found\nTo see the stack trace of this error execute with --v=5 or higher\n`,
      );
      return 1;
    }
    store.delete(resourceTypes.secrets, name, 'kube-system');
    out(`bootstrap token "${id}" deleted\n`);
  }
  return 0;
}

/** The value of `--flag VALUE` or `--flag=VALUE`. */
function flagValue(args: readonly string[], flag: string): string | undefined {
  const index = args.indexOf(flag);
  if (index >= 0) return args[index + 1];
  return args.find((argument) => argument.startsWith(`${flag}=`))?.slice(flag.length + 1);
}

/** Milliseconds of a Go duration such as 24h0m0s, 15m or 1h30m; 0 is no expiry. */
function parseGoDuration(text: string): number | undefined {
  if (text === '0') return 0;
  const parts = [...text.matchAll(/(\d+(?:\.\d+)?)(ms|h|m|s)/g)];
  if (parts.length === 0 || parts.map((part) => part[0]).join('') !== text) return undefined;
  const units: Record<string, number> = { ms: 1, s: 1000, m: 60_000, h: 3600_000 };
  return parts.reduce((sum, [, value, unit = 's']) => sum + Number(value) * (units[unit] ?? 0), 0);
}
