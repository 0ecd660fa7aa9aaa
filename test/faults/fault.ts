/** Faults as values: the same seed gives the same campaign again. */
import fc from 'fast-check';

/** Processes of a job, as a fault names them. */
export const ROLES = [
  'supervisor',
  'lead’s agent',
  'worker’s agent',
  'srun',
  'command',
  'guardian',
  'node',
  'make',
] as const;
export type Role = (typeof ROLES)[number];

/** Of a trial's two hosts. */
export type Place = 'lead' | 'worker';

export type Fault =
  | { kind: 'signal'; roles: Role[]; signal: NodeJS.Signals }
  | { kind: 'scancel'; args: string[] }
  | { kind: 'link'; place: Place; ms: number }
  | { kind: 'slurmd'; place: Place }
  | { kind: 'host'; place: 'worker' }
  | { kind: 'disk'; place: Place; how: 'full' | 'read-only'; ms: number }
  | { kind: 'job directory'; how: 'not writable'; ms: number }
  | {
      kind: 'garble';
      file: 'state.json' | 'nonce' | 'join/record.json' | 'node.json';
      how: 'empty' | 'half' | 'noise' | 'gone';
    }
  | { kind: 'downs'; places: Place[] };

/** When it strikes: while this goes on, and so many milliseconds into it. */
export type Moment = {
  during: 'start' | 'up' | 'init' | 'join' | 'use' | 'down';
  ms: number;
};

export type Trial = {
  fault: Fault;
  moment: Moment;
  /** What the batch script does: `unet run`, `up` and `down`, or `up` and then its end. */
  form: 'run' | 'up and down' | 'up';
  /** Milliseconds from the fault to the end of what the script does with its cluster. */
  endsAfter: number;
};

const place = fc.constantFrom<Place>('lead', 'worker');
const role = fc.constantFrom(...ROLES);

// Weighted by how often the field sees them, and by how much can go wrong.
const fault: fc.Arbitrary<Fault> = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({
      kind: fc.constant('signal' as const),
      roles: fc.uniqueArray(role, { minLength: 1, maxLength: 3 }),
      signal: fc.constantFrom<NodeJS.Signals>('SIGKILL', 'SIGKILL', 'SIGKILL', 'SIGTERM', 'SIGHUP', 'SIGINT'),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant('signal' as const),
      roles: fc.uniqueArray(fc.constantFrom<Role>('supervisor', 'lead’s agent', 'worker’s agent'), {
        minLength: 1,
      }),
      signal: fc.constantFrom<NodeJS.Signals>('SIGUSR1', 'SIGUSR2'),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant('signal' as const),
      roles: fc.uniqueArray(fc.constantFrom<Role>('supervisor', 'lead’s agent', 'worker’s agent', 'node'), {
        minLength: 1,
      }),
      signal: fc.constant<NodeJS.Signals>('SIGSTOP'),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant('scancel' as const),
      args: fc.constantFrom<string[]>(
        [],
        ['--signal=USR1'],
        ['--signal=USR2', '--full'],
        ['--signal=TERM', '--batch'],
      ),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ kind: fc.constant('link' as const), place, ms: fc.constantFrom(500, 1000, 8000) }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('slurmd' as const), place }) },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant('host' as const), place: fc.constant('worker' as const) }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant('disk' as const),
      place,
      how: fc.constantFrom('full' as const, 'read-only' as const),
      ms: fc.integer({ min: 500, max: 4000 }),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant('job directory' as const),
      how: fc.constant('not writable' as const),
      ms: fc.integer({ min: 500, max: 4000 }),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant('garble' as const),
      file: fc.constantFrom(
        'state.json' as const,
        'nonce' as const,
        'join/record.json' as const,
        'node.json' as const,
      ),
      how: fc.constantFrom('empty' as const, 'half' as const, 'noise' as const, 'gone' as const),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant('downs' as const),
      places: fc.array(place, { minLength: 1, maxLength: 2 }),
    }),
  },
);

const trial: fc.Arbitrary<Trial> = fc.record({
  fault,
  moment: fc.record({
    during: fc.constantFrom('start', 'up', 'init', 'join', 'use', 'use', 'use', 'down'),
    ms: fc.integer({ min: 0, max: 400 }),
  }),
  form: fc.constantFrom('run', 'up and down', 'up'),
  endsAfter: fc.integer({ min: 0, max: 3000 }),
});

export function campaign(seed: number, count: number): Trial[] {
  return fc.sample(trial, { seed, numRuns: count });
}

export function describeTrial({ fault, moment, form, endsAfter }: Trial): string {
  return `${describeFault(fault)}, ${moment.ms} ms into ${moment.during}; ${form}, ${endsAfter} ms more`;
}

function describeFault(fault: Fault): string {
  switch (fault.kind) {
    case 'signal':
      return `${fault.signal} to ${fault.roles.join(' and ')}`;
    case 'scancel':
      return ['scancel', ...fault.args].join(' ');
    case 'link':
      return `no link to the ${fault.place} for ${fault.ms} ms`;
    case 'slurmd':
      return `slurmd of the ${fault.place} killed and started again`;
    case 'host':
      return `the ${fault.place} dies`;
    case 'disk':
      return `the ${fault.place}’s disk ${fault.how} for ${fault.ms} ms`;
    case 'job directory':
      return `the job directory ${fault.how} for ${fault.ms} ms`;
    case 'garble':
      return `${fault.file} ${fault.how}`;
    case 'downs':
      return `unet down at the same time on ${fault.places.join(' and ')}`;
  }
}

/** Whether the cluster and its commands must not notice. */
export function isHarmless({ fault, moment }: Trial): boolean {
  switch (fault.kind) {
    case 'signal':
      return fault.signal === 'SIGUSR1' || fault.signal === 'SIGUSR2';
    case 'scancel':
      // To the steps and not to the script: without --full and --batch that is where Slurm sends a signal.
      return fault.args.length === 1 && fault.args[0] === '--signal=USR1';
    case 'link':
      return fault.ms <= 1000 && moment.during !== 'start';
    default:
      return false;
  }
}
