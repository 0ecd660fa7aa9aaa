/** Which container of a node fails again and again, and what it says: from the logs that the kubelet keeps of it. */

const LINES = 6;
// The kubelet's own names: /var/log/pods/NAMESPACE_POD_UID/CONTAINER/RESTARTS.log
const HEADER = /^==> \/var\/log\/pods\/([^/]+)\/([^/]+)\/(\d+)\.log <==$/;
// Of CRI's log format: time, stream, and whether the line is whole.
const PREFIX = /^\S+ (?:stdout|stderr) [FP] /;
// What the others wait for is the cause.
const FIRST = ['etcd', 'kube-apiserver'];

type Log = { pod: string; container: string; restarts: number; lines: string[] };

/**
 * The last lines of the container with the most restarts, below a line that names it; nothing when none was restarted.
 *
 * @param text as `tail -v` prints the files.
 */
export function containerLogTail(text: string): string[] {
  const failing = read(text).filter(({ restarts, lines }) => restarts > 0 && lines.length > 0);
  const [worst] = failing.sort((one, other) => rank(other) - rank(one) || other.restarts - one.restarts);
  if (worst === undefined) {
    return [];
  }
  const { container, pod, restarts, lines } = worst;
  const [namespace = '', name = ''] = pod.split('_');
  const times = restarts === 1 ? 'once' : `${restarts} times`;
  return [`${container} of ${namespace}/${name}, restarted ${times}, said:`, ...lines.slice(-LINES)];
}

function read(text: string): Log[] {
  const logs: Log[] = [];
  for (const line of text.split('\n')) {
    const [, pod, container, restarts] = HEADER.exec(line.trimEnd()) ?? [];
    if (pod !== undefined && container !== undefined) {
      logs.push({ pod, container, restarts: Number(restarts), lines: [] });
    } else if (line.trim() !== '') {
      logs.at(-1)?.lines.push(line.replace(PREFIX, '').trimEnd());
    }
  }
  return logs;
}

function rank({ container }: Log): number {
  const at = FIRST.indexOf(container);
  return at < 0 ? 0 : FIRST.length - at;
}
