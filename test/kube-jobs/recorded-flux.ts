/** A flux on PATH that answers as the recorded one: the journal of the example's job, whose end waits for what the daemon does. */
import { join } from 'node:path';
import { BIRTH, recorded } from '../flux/fake-flux.ts';
import { program } from '../process/scratch.ts';

export const JOB = 'f72t5WP1';

export type RecordedFlux = {
  /** How often the job is not known yet when it is to be started. */
  notFound?: number;
  /**
   * `new`: the job comes when the daemon is there. `known`: it was there before. `submitted`: its submission was, and its allocation
   * comes when the file `go` is there; then `allocated` is there.
   */
  job?: 'new' | 'known' | 'submitted';
  /** False: alloc-bypass.so was not loaded at its submission. */
  bypassed?: boolean;
  /** The program that follows the jobs crashes. */
  bridgeEnds?: boolean;
};

/** A PATH on which it is first. */
export function recordedFlux(
  directory: string,
  { notFound = 0, job = 'new', bypassed = true, bridgeEnds = false }: RecordedFlux = {},
): string {
  const journal = recorded('kube-bridge.jsonl')
    .split('\n')
    .filter((line) => line.includes(JOB));
  const answers = {
    'getattr rank': '0\n',
    'getattr security.owner': `${process.getuid?.()}\n`,
    uptime: recorded('uptime.stdout'),
    'jobtap list': recorded('kube-jobtap-list.stdout'),
    'config get': recorded('kube-config-get.stdout'),
    'config load': '',
    'kvs get resource.eventlog': `${BIRTH}\n`,
  };
  program(
    directory,
    'flux',
    `#!${process.execPath}
const { appendFileSync, existsSync, readFileSync, writeFileSync } = require('node:fs');
const { createInterface } = require('node:readline');
const words = process.argv.slice(2);
const call = words.join(' ');
appendFileSync(${JSON.stringify(join(directory, 'calls'))}, call.replace(/python .*/, 'python') + '\\n');
const file = (name) => ${JSON.stringify(directory)} + '/' + name;
const answers = ${JSON.stringify(answers)};
const journal = ${JSON.stringify(journal)};
if (call in answers) {
  process.stdout.write(answers[call]);
} else if (words[0] === 'kvs' && words[1] === 'put') {
  process.stdin.resume();
} else if (call.startsWith('job-exec-override start')) {
  const tries = existsSync(file('tries')) ? Number(readFileSync(file('tries'), 'utf8')) : 0;
  writeFileSync(file('tries'), String(tries + 1));
  if (tries < ${notFound}) {
    process.stderr.write(${JSON.stringify(recorded('kube-override-start-unknown.stderr'))});
    process.exit(1);
  }
  writeFileSync(file('started'), '');
} else if (call.startsWith('job-exec-override finish') || call.startsWith('job raise')) {
  writeFileSync(file('finished'), '');
} else if (words[0] === 'python') {
  const say = (name) => journal.filter((line) => line.includes('"name": "' + name + '"')).forEach((line) =>
    console.log(line.replace(/"timestamp": [0-9.]+/, '"timestamp": ' + Date.now() / 1000)));
  console.log('{"ready": true}');
  const before = ['submit', ...(${bypassed} ? ['set-flags'] : []), 'validate', 'depend', 'priority'];
  const past = { new: [], known: [...before, 'alloc'], submitted: before }.${job};
  past.forEach(say);
  console.log('{"current": true}');
  if ('${job}' === 'new') [...before, 'alloc'].forEach(say);
  if (${bridgeEnds}) { console.error('Traceback: ours'); process.exit(1); }
  const looking = setInterval(() => {
    if (existsSync(file('go'))) { require('node:fs').rmSync(file('go')); say('alloc'); writeFileSync(file('allocated'), ''); }
    if (existsSync(file('started'))) { say('start'); require('node:fs').rmSync(file('started')); }
    if (existsSync(file('finished'))) { ['finish', 'release', 'free', 'clean'].forEach(say); clearInterval(looking); }
  }, 20);
  createInterface({ input: process.stdin })
    .on('line', (line) => {
      const { seq, ...output } = JSON.parse(line);
      appendFileSync(file('output'), JSON.stringify(output) + '\\n');
      console.log(JSON.stringify({ written: seq, error: null }));
    })
    .on('close', () => process.exit(0));
} else {
  process.stderr.write('bad call: ' + call + '\\n');
  process.exit(1);
}
`,
  );
  return `${directory}:${process.env.PATH}`;
}
