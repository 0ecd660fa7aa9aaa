/** The steps of a bring-up that can be told to be slow or to fail. */
export const steps = [
  'preflight',
  'up',
  'boot',
  'init',
  'cni',
  'kubeconfig',
  'join-command',
  'join',
  'reset',
  'sync',
  'ready',
  'dns',
  'down',
] as const;

export type Step = (typeof steps)[number];

/** What a node does by itself: no client has started it. */
const unattended: ReadonlySet<Step> = new Set(['preflight', 'boot', 'ready', 'dns']);

/** The failures that a step can choose from; the first is the one without `mode=`. */
export const modes: Record<Step, readonly string[]> = {
  preflight: ['cgroup', 'user-session', 'engine'],
  up: ['runtime', 'port', 'created'],
  boot: ['containerd'],
  init: ['timeout', 'cgroup', 'flag'],
  cni: ['unreachable', 'half'],
  kubeconfig: ['missing'],
  'join-command': ['unreachable'],
  join: ['kubelet', 'ca', 'timeout', 'token', 'refused', 'cgroup', 'exists'],
  reset: ['containers'],
  sync: ['unreachable'],
  ready: ['cni'],
  dns: ['pending'],
  down: ['timeout'],
};

/** What one entry of UNET_REHEARSAL asks of one step. */
export interface Fault {
  step: Step;
  /** NODE_NAME, with or without "u7s-"; every node without it. */
  node?: string;
  /** How long the step waits before it begins. */
  delayMs?: number;
  /** How long the step takes in all, from the start of its make: its own work counts. */
  takeMs?: number;
  /** How many first tries fail; `Infinity` for `always`. */
  fail?: number;
  mode?: string;
  hang?: boolean;
  /** join: how long discovery keeps trying. */
  timeoutMs?: number;
  /** ready: how long a silent node stays Ready. */
  graceMs?: number;
  /** sync: how long each node takes, one after the other. */
  eachMs?: number;
}

/** UNET_REHEARSAL is not what the grammar allows; the message names the entry and the rule. */
export class FaultSyntaxError extends Error {
  override name = 'FaultSyntaxError';
}

/**
 * Reads UNET_REHEARSAL: comma-separated `STEP[@NODE]:KEY[=VALUE][:KEY[=VALUE]…]`.
 *
 * Keys: `delay=DURATION`, `take=DURATION`, `fail=N|always`, `mode=NAME`, `hang`; for join also `timeout=DURATION`, for
 * ready also `grace=DURATION`, for sync also `each=DURATION`. A duration is a number with `ms`, `s` or `m`.
 *
 * @throws FaultSyntaxError
 */
export function parseFaults(text: string): Fault[] {
  return text
    .split(',')
    .map((entry) => entry.trim())
    .filter((entry) => entry !== '')
    .map(parseEntry);
}

/** What is asked of this step on this node: entries that name the node win over those that do not. */
export function faultOf(faults: readonly Fault[], step: Step, node: string): Fault {
  const name = withoutPrefix(node);
  const matching = faults.filter(
    (fault) => fault.step === step && (fault.node === undefined || withoutPrefix(fault.node) === name),
  );
  const general = matching.filter((fault) => fault.node === undefined);
  const specific = matching.filter((fault) => fault.node !== undefined);
  return Object.assign({ step }, ...general, ...specific) as Fault;
}

/** Milliseconds of "300ms", "1.5s" or "2m"; undefined for anything else. */
export function parseDuration(text: string): number | undefined {
  const match = /^(\d+(?:\.\d+)?)(ms|s|m)$/.exec(text);
  if (match === null) return undefined;
  const unit = { ms: 1, s: 1000, m: 60_000 }[match[2] as 'ms' | 's' | 'm'];
  return Number(match[1]) * unit;
}

function parseEntry(entry: string): Fault {
  const [target = '', ...settings] = entry.split(':');
  const [step = '', node, ...rest] = target.split('@');
  if (!isStep(step)) throw wrong(entry, `unknown step "${step}": one of ${steps.join(', ')}`);
  if (rest.length > 0 || node === '') throw wrong(entry, 'a step is STEP or STEP@NODE');
  if (settings.length === 0) throw wrong(entry, 'nothing is asked: add delay=, take=, fail=, mode= or hang');
  const fault: Fault = { step, ...(node !== undefined && { node }) };
  for (const setting of settings) applySetting(entry, fault, setting);
  if (fault.mode !== undefined && fault.fail === undefined) fault.fail = Number.POSITIVE_INFINITY;
  return fault;
}

function applySetting(entry: string, fault: Fault, setting: string): void {
  const [key = '', value] = setting.split('=', 2);
  if (key === 'hang' && (value === undefined || value === 'true')) fault.hang = true;
  else if (key === 'delay') fault.delayMs = duration(entry, key, value);
  else if (key === 'take' && !unattended.has(fault.step)) fault.takeMs = duration(entry, key, value);
  else if (key === 'timeout' && fault.step === 'join') fault.timeoutMs = duration(entry, key, value);
  else if (key === 'grace' && fault.step === 'ready') fault.graceMs = duration(entry, key, value);
  else if (key === 'each' && fault.step === 'sync') fault.eachMs = duration(entry, key, value);
  else if (key === 'fail') fault.fail = failCount(entry, value);
  else if (key === 'mode') fault.mode = mode(entry, fault.step, value);
  else
    throw wrong(
      entry,
      `unknown key "${setting}": delay=DURATION, take=DURATION, fail=N, fail=always, mode=NAME or hang`,
    );
}

function duration(entry: string, key: string, value: string | undefined): number {
  const milliseconds = value === undefined ? undefined : parseDuration(value);
  if (milliseconds === undefined) throw wrong(entry, `${key}= wants a duration such as 500ms, 3s or 1m`);
  return milliseconds;
}

function failCount(entry: string, value: string | undefined): number {
  if (value === 'always') return Number.POSITIVE_INFINITY;
  if (value === undefined || !/^\d+$/.test(value)) throw wrong(entry, 'fail= wants a number or "always"');
  return Number(value);
}

function mode(entry: string, step: Step, value: string | undefined): string {
  if (value !== undefined && modes[step].includes(value)) return value;
  throw wrong(entry, `mode= of ${step} is one of ${modes[step].join(', ')}`);
}

function isStep(name: string): name is Step {
  return (steps as readonly string[]).includes(name);
}

function withoutPrefix(node: string): string {
  return node.replace(/^u7s-/, '');
}

function wrong(entry: string, rule: string): FaultSyntaxError {
  return new FaultSyntaxError(`UNET_REHEARSAL: "${entry}": ${rule}`);
}
