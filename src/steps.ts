/**
 * The one list of steps. The task list on a terminal, the deadlines of --step-timeout, the messages of the agents and the tables in the
 * documentation come from here. What a step does, and when it is done, is in its file in src/node/steps.
 */

type StepDeclaration = {
  /** As a user reads it, in the imperative. */
  title: string;
  /** Which nodes run it. `-`: it is no line of the task list. */
  on: 'lead' | 'worker' | 'both' | '-';
  /** The deadline, if nothing else is asked for: what is seen in the field times ten. See docs/configuration.md. */
  timeoutMs: number;
};

/** In the order in which they run. */
export const STEPS = {
  stage: { title: 'stage the release', on: 'both', timeoutMs: 120_000 },
  load: { title: 'load the pack', on: 'both', timeoutMs: 900_000 },
  up: { title: 'start the node', on: 'both', timeoutMs: 600_000 },
  boot: { title: 'wait for containerd', on: 'both', timeoutMs: 120_000 },
  images: { title: 'import the images', on: 'both', timeoutMs: 600_000 },
  init: { title: 'kubeadm init', on: 'lead', timeoutMs: 360_000 },
  kubeconfig: { title: 'write the kubeconfig', on: 'lead', timeoutMs: 60_000 },
  cni: { title: 'install the CNI', on: 'lead', timeoutMs: 180_000 },
  publish: { title: 'publish the join record', on: 'lead', timeoutMs: 60_000 },
  'await-join': { title: 'wait for the join record', on: 'worker', timeoutMs: 900_000 },
  join: { title: 'kubeadm join', on: 'worker', timeoutMs: 360_000 },
  ready: { title: 'wait for Ready', on: 'lead', timeoutMs: 300_000 },
  dns: { title: 'wait for DNS', on: 'lead', timeoutMs: 180_000 },
  down: { title: 'tear down', on: '-', timeoutMs: 60_000 },
} as const satisfies Record<string, StepDeclaration>;

export type StepName = keyof typeof STEPS;
export const STEP_NAMES = Object.keys(STEPS) as [StepName, ...StepName[]];

/** What has a deadline: every step, and an agent's first message. */
export type TimedStep = StepName | 'hello';

/** Milliseconds, if nothing else is asked for. */
export const STEP_TIMEOUTS_MS = {
  hello: 60_000,
  ...Object.fromEntries(STEP_NAMES.map((name) => [name, STEPS[name].timeoutMs])),
} as Record<TimedStep, number>;

/** The steps of the task list for a lead or a worker, in their order. */
export function stepsOn(role: 'lead' | 'worker'): StepName[] {
  return STEP_NAMES.filter((name) => {
    const { on } = STEPS[name];
    return on === role || on === 'both';
  });
}
