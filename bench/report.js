/** What is printed at the end: the comparison, where the overhead is, memory. */
import { PHASES } from './phases.js';
import { median, megabytes, milliseconds, ratio, seconds, table } from './tables.js';

export function report(plan, results) {
  const of = ({ nodes, steps }, name) =>
    results.filter((result) => result.nodes === nodes && result.steps === steps && result.name === name);
  const measured = plan.filter((item) => of(item, 'unet').length > 0 && of(item, 'script').length > 0);
  comparison('Steps with the recorded times, scaled by 0.25', measured.filter(isTimed), of);
  comparison(
    'Steps that take no time: the processes alone',
    measured.filter((item) => !isTimed(item)),
    of,
  );
  for (const item of measured) {
    phases(item, of);
  }
  memory(measured.filter(isTimed), of);
  unaddressed(results);
}

function comparison(title, items, of) {
  if (items.length === 0) {
    return;
  }
  const head = [
    'nodes',
    'runs',
    'critical path',
    'unet wall',
    'unet overhead',
    'script wall',
    'script overhead',
    'overhead ratio',
    'wall ratio',
    'unet CPU',
    'script CPU',
    'unet down',
    'script down',
  ];
  const rows = items.map((item) => {
    const [unet, script] = ['unet', 'script'].map((name) => of(item, name));
    const middle = (runs, key) => median(runs.map((run) => run[key]));
    return [
      String(item.nodes),
      unet.length === script.length ? String(unet.length) : `${unet.length}/${script.length}`,
      seconds(item.pathMs),
      seconds(middle(unet, 'wallMs')),
      seconds(middle(unet, 'overheadMs')),
      seconds(middle(script, 'wallMs')),
      seconds(middle(script, 'overheadMs')),
      ratio(middle(unet, 'overheadMs') / middle(script, 'overheadMs')),
      ratio(middle(unet, 'wallMs') / middle(script, 'wallMs')),
      seconds(middle(unet, 'cpuMs')),
      seconds(middle(script, 'cpuMs')),
      seconds(middle(unet, 'downMs')),
      seconds(middle(script, 'downMs')),
    ];
  });
  console.log(`\n${title} (medians)\n\n${table(head, rows)}`);
}

function phases(item, of) {
  const middle = (name, phase) => median(of(item, name).map((run) => run.phases[phase]));
  const rows = PHASES.map(({ name, what }) => [
    name,
    milliseconds(middle('unet', name)),
    milliseconds(middle('script', name)),
    what,
  ]);
  const steps = isTimed(item) ? 'timed steps' : 'steps that take no time';
  console.log(
    `\nWhere the overhead is, ${item.nodes} nodes, ${steps}\n\n${table(['phase', 'unet', 'script', ''], rows)}`,
  );
}

function memory(items, of) {
  const rows = items.map((item) => {
    const runs = of(item, 'unet').map(({ processes }) => processes);
    const middle = (value) => megabytes(median(runs.map(value)));
    const peak = (role, node) => (all) =>
      Math.max(...all.filter((one) => one.role === role && node(one)).map(({ peakKb }) => peakKb));
    const sum = (roles, key) => (all) =>
      all.filter(({ role }) => roles.includes(role)).reduce((total, one) => total + one[key], 0);
    const own = ['supervisor', 'agent'];
    return [
      String(item.nodes),
      middle(peak('supervisor', () => true)),
      middle(peak('agent', ({ node }) => node === 'node-0')),
      middle(peak('agent', ({ node }) => node !== 'node-0')),
      middle(sum(own, 'peakKb')),
      middle(sum(['rehearsal'], 'peakKb')),
      middle(sum(own, 'pssKb')),
      middle(sum(['rehearsal'], 'pssKb')),
    ];
  });
  if (rows.length > 0) {
    const head = [
      'nodes',
      'supervisor peak',
      'lead agent peak',
      'worker agent peak (largest)',
      'unet, sum of peaks',
      'rehearsed nodes, sum of peaks',
      'unet, PSS',
      'rehearsed nodes, PSS',
    ];
    console.log(
      `\nMemory: VmHWM and, for what is shared between processes, PSS when usable\n\n${table(head, rows)}`,
    );
  }
}

function unaddressed(results) {
  const early = results.filter((result) => result.unaddressed > 0);
  for (const { name, nodes, steps, unaddressed: count } of early) {
    console.log(
      `\nNote: ${name} with ${nodes} nodes (steps ${steps}) returned while ${count} had no external address.`,
    );
  }
}

function isTimed({ steps }) {
  return steps === 'timed';
}
