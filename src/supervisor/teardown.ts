/** The end of a cluster: agents, what they left, the job's files, its record. */

import type { ErrorRecord, UnetError } from '../errors.ts';
import { errorMessage } from '../errors.ts';
import type { JobPaths } from '../job/layout.ts';
import { removeJob, removeSecrets } from '../job/remove-job.ts';
import type { RecordPublisher } from '../scheduler/scheduler.ts';
import type { Cleaning } from './cleaning.ts';
import type { Launches } from './launches.ts';
import type { Roster } from './roster.ts';
import type { Timers } from './timers.ts';

// What the agents need beside make down-v: the end of their own steps, and its second try.
const MARGIN_MS = 15_000;
const POLL_MS = 20;

export type TeardownOptions = {
  paths: JobPaths;
  roster: Roster;
  launches: Launches;
  cleaning: Cleaning;
  timers: Timers;
  record: RecordPublisher | undefined;
  /** Of make down-v on a node. */
  downMs: number;
  /** What cannot be removed. */
  onProblem: (problem: UnetError) => void;
  note: (line: string) => void;
  /** All nodes are clean: the last state is written, if its logs are kept. Resolves with the error for which they are. */
  onNodesClean: () => Promise<ErrorRecord | undefined>;
};

/** The agents have been told to stop. Never rejects. */
export async function tearDown(options: TeardownOptions): Promise<void> {
  const { paths, roster, launches, cleaning, note, onProblem } = options;
  // First of all: a job that ends may leave no time for the rest.
  await removeSecrets(paths).catch((error: unknown) => note(errorMessage(error)));
  await agentsEnd(options);
  await launches.end(![...roster.values()].some(({ phase }) => phase === 'lost'));
  (await cleaning.cleanRest()).forEach(onProblem);
  options.timers.end();
  const error = await options.onNodesClean();
  await Promise.all([
    removeJob(paths, { keepLogs: error !== undefined }).catch((problem: unknown) =>
      note(`the job directory could not be removed: ${errorMessage(problem)}`),
    ),
    options.record?.end(),
  ]);
}

/** Waits for the agents' byes, for as long as a teardown may take. */
async function agentsEnd({ roster, timers, downMs }: TeardownOptions): Promise<void> {
  const deadline = performance.now() + 2 * downMs + MARGIN_MS;
  const nodes = [...roster.values()];
  while (!nodes.every(({ gone, hello }) => gone || hello === undefined) && performance.now() < deadline) {
    await new Promise<void>((resolve) => void timers.after(POLL_MS, resolve));
  }
}
