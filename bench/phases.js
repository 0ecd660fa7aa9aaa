/**
 * Where a bring-up's overhead is: the time between two milestones of its critical path, less what the step between
 * them was told to take. The phases add up to the overhead.
 */

/** Phases in the order of time; `step` is the delay that lies in it. */
export const PHASES = [
  { name: 'start', what: 'from the command to the first step on the lead' },
  { name: 'stage', what: 'the release is on the lead' },
  { name: 'up', what: 'make up', step: 'up' },
  { name: 'boot', what: 'containerd answers, and that is noticed', step: 'boot' },
  { name: 'init', what: 'make kubeadm-init', step: 'init' },
  { name: 'publish', what: 'make join-command, and it reaches the last worker', step: 'join-command' },
  { name: 'join', what: 'make kubeadm-join of the last worker', step: 'join' },
  { name: 'ready', what: 'the last node is Ready, and that is noticed', step: 'ready' },
  { name: 'end', what: 'from there to the exit of the command' },
];

/** From the events in the supervisor's log. */
export function unetPhases(log, { startedAt, wallMs }, delays) {
  const events = log
    .split('\n')
    .map((line) => /^\S+ (\{.*\})$/.exec(line)?.[1])
    .flatMap((json) => (json === undefined ? [] : [JSON.parse(json)]));
  const { lead } = events.find(({ type }) => type === 'plan');
  const at = (node, step, state) =>
    Date.parse(
      events.find((event) => event.node === node && event.step === step && event.state === state).time,
    );
  const last = events.findLast(({ step, state }) => step === 'ready' && state === 'done').node;
  const joiner =
    last === lead ? events.findLast(({ step, state }) => step === 'join' && state === 'done').node : last;
  return overheads(
    {
      start: at(lead, 'stage', 'started'),
      stage: at(lead, 'stage', 'done'),
      up: at(lead, 'up', 'done'),
      boot: at(lead, 'boot', 'done'),
      init: at(lead, 'init', 'done'),
      publish: at(joiner, 'join', 'started'),
      join: at(joiner, 'join', 'done'),
      ready: at(last, 'ready', 'done'),
      end: startedAt + wallMs,
    },
    startedAt,
    delays,
  );
}

/** From the lines "SECONDS STEP" that the script prints. What it does after the last Ready node is its end. */
export function scriptPhases(stdout, { startedAt, wallMs }, delays) {
  const marks = Object.fromEntries(
    stdout
      .trim()
      .split('\n')
      .map((line) => line.split(' '))
      .map(([seconds, step]) => [step, Number(seconds) * 1000]),
  );
  return overheads({ ...marks, end: startedAt + wallMs }, startedAt, delays);
}

function overheads(milestones, startedAt, delays) {
  let before = startedAt;
  return Object.fromEntries(
    PHASES.map(({ name, step }) => {
      const ms = milestones[name] - before - (step === undefined ? 0 : delays[step]);
      before = milestones[name];
      return [name, ms];
    }),
  );
}
