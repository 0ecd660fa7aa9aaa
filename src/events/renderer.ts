/** One stream of events, shown as a terminal, a log or a program wants it. */

import type { TerminalStream } from './painter.ts';
import { redactedJson } from './redacted-json.ts';
import type { OUTPUTS } from './settings.ts';
import type { UnetEvent } from './types.ts';

export type Renderer = {
  event: (event: UnetEvent) => void;
  /** Shows what is left and gives the terminal back. To be called in any case, also after an interruption; twice is once. */
  end: () => Promise<void>;
};

export type RendererOptions = {
  output: (typeof OUTPUTS)[number];
  /** For people. */
  stream?: TerminalStream;
  /** For programs: JSON lines. */
  resultStream?: NodeJS.WritableStream;
  /** Milliseconds, never going back. */
  now?: () => number;
  env?: NodeJS.ProcessEnv;
};

/**
 * Shows events. The terminal's view is a file of its own (listr2), not read for a log or a program.
 *
 *     const renderer = await createRenderer({ output: settings.output });
 *     try { for await (const event of events) renderer.event(event); } finally { await renderer.end(); }
 */
export async function createRenderer({
  output,
  stream = process.stderr,
  resultStream = process.stdout,
  now = () => performance.now(),
  env = process.env,
}: RendererOptions): Promise<Renderer> {
  switch (output === 'auto' ? automatic(stream, env) : output) {
    case 'json':
      return lineRenderer(resultStream, (event) => [redactedJson(event)]);
    case 'terminal':
      return (await import('./terminal.ts')).createTerminalView(stream, now);
    case 'plain':
      return lineRenderer(stream, (await import('./plain.ts')).createPlainLines());
  }
}

/** A renderer that is made, and its code read, when there is something to show: what is to be shown is started before. */
export function rendererWhenNeeded(options: RendererOptions): Renderer {
  let made: Promise<Renderer> | undefined;
  let shown: Promise<void> = Promise.resolve();
  return {
    event: (event) => {
      made ??= createRenderer(options);
      const renderer = made;
      shown = shown.then(async () => (await renderer).event(event));
      shown.catch(() => {}); // `end` says so
    },
    end: async () => {
      await shown;
      await (await made)?.end();
    },
  };
}

/** A live list only where somebody looks at it, and where lines can be drawn over. */
export function automatic(stream: TerminalStream, env: NodeJS.ProcessEnv): 'terminal' | 'plain' {
  const ci = env.CI !== undefined && env.CI !== '' && env.CI !== 'false';
  return stream.isTTY === true && !ci && env.TERM !== 'dumb' ? 'terminal' : 'plain';
}

function lineRenderer(stream: NodeJS.WritableStream, linesOf: (event: UnetEvent) => string[]): Renderer {
  return {
    event: (event) => {
      const lines = linesOf(event);
      if (lines.length > 0) {
        stream.write(`${lines.join('\n')}\n`);
      }
    },
    end: async () => {},
  };
}
