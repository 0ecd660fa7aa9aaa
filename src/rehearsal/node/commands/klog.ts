/** A klog warning line: "W1120 17:10:59.440512     181 checks.go:1046] …". */
export function klogWarning(source: string, message: string): string {
  const now = new Date();
  const two = (value: number) => String(value).padStart(2, '0');
  const day = `${two(now.getMonth() + 1)}${two(now.getDate())}`;
  const time = [now.getHours(), now.getMinutes(), now.getSeconds()].map(two).join(':');
  const micros = String(now.getMilliseconds() * 1000).padStart(6, '0');
  return `W${day} ${time}.${micros} ${String(process.pid).padStart(7)} ${source}] ${message}\n`;
}

/** The end of every failed kubeadm command. */
export function kubeadmError(message: string): string {
  return `error: ${message}\nTo see the stack trace of this error execute with --v=5 or higher\n`;
}

/** Preflight errors as kubeadm lists them. */
export function preflightErrors(errors: readonly string[]): string {
  return `[preflight] Some fatal errors occurred:\n${errors.map((error) => `\t[ERROR ${error}\n`).join('')}${preflightEnd}`;
}

export const preflightEnd = `[preflight] If you know what you are doing, you can make a check non-fatal with \`--ignore-preflight-errors=...\`\n${kubeadmError('error execution phase preflight: preflight checks failed')}`;

/** What kubeadm says of a container runtime that is not there yet. */
export const runtimeMissing =
  'failed to create new CRI runtime service: validate service connection: validate CRI v1 runtime API for endpoint "unix:///var/run/containerd/containerd.sock": rpc error: code = Unavailable desc = connection error: desc = "transport: Error while dialing: dial unix /var/run/containerd/containerd.sock: connect: no such file or directory"';
