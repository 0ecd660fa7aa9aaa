/** What is printed at the end: the comparison, where the overhead is, the processes. */
import { PHASES } from './phases.js';
import { median, megabytes, milliseconds, ratio, seconds, table } from './tables.js';

export function report(plan, results, scale) {
  const of = ({ nodes, steps }, name) =>
    results.filter((result) => result.nodes === nodes && result.steps === steps && result.name === name);
  const measured = plan.filter((item) => of(item, 'unet').length > 0 && of(item, 'script').length > 0);
  comparison(
    `Steps with the recorded times${scale === 1 ? '' : `, scaled by ${scale}`}`,
    measured.filter(isTimed),
    of,
  );
  comparison(
    'Steps that take no time: the processes alone',
    measured.filter((item) => !isTimed(item)),
    of,
  );
  for (const item of measured) {
    phases(item, of);
  }
  processes(measured.filter(isTimed), of);
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

/** Of the processes that stay: what each kind needs, and all of them beside the rehearsed nodes. */
function processes(items, of) {
  const head = ['nodes', 'process', 'peak memory', 'own CPU', 'CPU of its steps'];
  const rows = items.flatMap((item) => {
    const runs = of(item, 'unet').map((run) => run.processes);
    const row = (title, wanted, merge) => {
      const middle = (key) => median(runs.map((all) => merge(all.filter(wanted).map((one) => one[key]))));
      return [
        String(item.nodes),
        title,
        megabytes(middle('peakKb')),
        milliseconds(middle('ownMs')),
        milliseconds(middle('childrenMs')),
      ];
    };
    const isWorker = ({ role, node }) => role === 'agent' && node !== 'node-0';
    const isLead = ({ role, node }) => role === 'agent' && node === 'node-0';
    return [
      row('supervisor', ({ role }) => role === 'supervisor', sum),
      row('agent of the lead', isLead, sum),
      row('agent of a worker', isWorker, median),
      row('unet in all', ({ role }) => role === 'supervisor' || role === 'agent', sum),
      row('rehearsed nodes in all', ({ role }) => role === 'rehearsal', sum),
    ];
  });
  if (rows.length > 0) {
    console.log(`\nProcesses that stay, when the cluster is usable (memory: VmHWM)\n\n${table(head, rows)}`);
  }
}

function sum(values) {
  return values.reduce((total, value) => total + value, 0);
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
