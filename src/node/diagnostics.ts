/** What explains a failure and goes with the container: brought into the job's logs as text before the teardown. */
import { join } from 'node:path';
import { whatContainerSaid } from '../engine/running.ts';
import { errorMessage, UnetError } from '../errors.ts';
import { writePrivateFile } from '../files/private-file.ts';
import { withDeadline } from '../process/deadline.ts';
import { redact } from '../process/redact.ts';
import { lastLines, run } from '../process/run.ts';
import { containerLogTail } from './container-log-tail.ts';
import type { NodeContext } from './context.ts';

// A failure is not to be held up for long by what explains it.
const LIMIT_MS = 15_000;
const MAX_CHARS = 2 * 1024 * 1024;

/** Files of the node's logs, and the commands in the node whose output they get. */
const FILES: readonly { name: string; commands: readonly (readonly string[])[]; leadOnly?: boolean }[] = [
  {
    name: 'kubelet.log',
    commands: [['journalctl', '--no-pager', '-n', '2000', '-u', 'kubelet', '-u', 'containerd']],
  },
  {
    name: 'pods.log',
    commands: [['find', '/var/log/pods', '-name', '*.log', '-exec', 'tail', '-v', '-n', '200', '{}', '+']],
  },
  {
    name: 'cluster.txt',
    leadOnly: true,
    commands: [
      ['kubectl', '--request-timeout=5s', 'get', 'nodes,pods', '-A', '-o', 'wide'],
      ['kubectl', '--request-timeout=5s', 'get', 'events', '-A', '--sort-by=.lastTimestamp'],
    ],
  },
];

export type Diagnostics = {
  /** Where the files are. */
  directory: string;
  /** The last lines of the container that fails again and again, if there is one. */
  quoted: string[];
};

/**
 * Collects once for each try. Undefined when there is no container to ask. Never rejects, and takes a quarter of a minute at most.
 *
 * @param signal ends it early.
 */
export async function collectDiagnostics(
  context: NodeContext,
  signal: AbortSignal,
): Promise<Diagnostics | undefined> {
  const { nodeEngine, record, tries, logs } = context;
  if (nodeEngine === undefined || !record.up || context.diagnosed === tries) {
    return undefined;
  }
  context.diagnosed = tries;
  const late = () => new UnetError('UNET_STEP_TIMEOUT', `not within ${LIMIT_MS / 1000} s`);
  const ownWords = keep(logs, 'container.log', async () => {
    const { spec, node } = context;
    const options = { jobId: spec.jobId, node, env: context.environment(), timeoutMs: LIMIT_MS, signal };
    return await whatContainerSaid(nodeEngine, options);
  });
  const texts = await Promise.all(
    FILES.filter(({ leadOnly }) => context.isLead || leadOnly !== true).map(async ({ name, commands }) => {
      const parts: string[] = [];
      try {
        await withDeadline(LIMIT_MS, signal, (limit) => askAll(commands, parts, context, limit), late);
      } catch (error) {
        parts.push(`(${errorMessage(error)})`);
      }
      const text = parts.join('\n');
      await keep(logs, name, async () => text);
      return { name, text: redact(text) };
    }),
  );
  await ownWords;
  return {
    directory: logs,
    quoted: containerLogTail(texts.find(({ name }) => name === 'pods.log')?.text ?? ''),
  };
}

/** What cannot be kept is no failure of its own. */
async function keep(directory: string, name: string, text: () => Promise<string>): Promise<void> {
  try {
    const content = redact(await text()).slice(-MAX_CHARS);
    await writePrivateFile(join(directory, name), `${content}\n`, { durable: false });
  } catch {
    // The step's own log is there.
  }
}

async function askAll(
  commands: readonly (readonly string[])[],
  parts: string[],
  context: NodeContext,
  signal: AbortSignal,
): Promise<void> {
  for (const command of commands) {
    const argv = [...(context.nodeEngine?.compose ?? []), 'exec', '-T', 'node', ...command];
    const { stdout, stderr } = await run(argv, {
      env: context.environment(),
      cwd: context.record.stage,
      timeoutMs: LIMIT_MS,
      signal,
    });
    signal.throwIfAborted();
    parts.push(`$ ${command.join(' ')}`, stdout.trimEnd(), ...lastLines(stderr));
  }
}
