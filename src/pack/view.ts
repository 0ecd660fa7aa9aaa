/** `unet pack` as it is seen: a bar on a terminal, a line for each member in a log, JSON lines for a program. */
import { color, figures } from 'listr2';
import { formatBytes, progressBar } from '../events/bytes.ts';
import { formatDuration } from '../events/format.ts';
import { createPainter, type TerminalStream } from '../events/painter.ts';
import { redactedJson } from '../events/redacted-json.ts';
import { automatic } from '../events/renderer.ts';
import type { OUTPUTS } from '../events/settings.ts';
import { redact } from '../process/redact.ts';
import type { OnPackEvent, PackEvent } from './events.ts';
import type { PackMember } from './manifest.ts';

export type PackView = { event: OnPackEvent; end: () => void };

export type PackViewOptions = {
  output: (typeof OUTPUTS)[number];
  stream: TerminalStream;
  resultStream: NodeJS.WritableStream;
  env: NodeJS.ProcessEnv;
  /** Milliseconds, never going back. */
  now?: () => number;
};

const REPAINT_MS = 100;
const TELL_MS = 500;
const BAR_COLUMNS = 24;

export function createPackView(options: PackViewOptions): PackView {
  const { output, stream, resultStream, env, now = () => performance.now() } = options;
  switch (output === 'auto' ? automatic(stream, env) : output) {
    case 'json':
      return jsonView(resultStream, now);
    case 'terminal':
      return terminalView(stream, now);
    case 'plain':
      return plainView(stream, now);
  }
}

function jsonView(stream: NodeJS.WritableStream, now: () => number): PackView {
  const rarely = limited(TELL_MS, now);
  return {
    event: (event) => {
      if (!isProgress(event) || rarely()) {
        stream.write(`${redactedJson(event)}\n`);
      }
    },
    end: () => {},
  };
}

function plainView(stream: NodeJS.WritableStream, now: () => number): PackView {
  const started = now();
  return {
    event: (event) => {
      const line = describe(event);
      if (line !== undefined) {
        stream.write(`[${((now() - started) / 1000).toFixed(1).padStart(5)}s] ${redact(line)}\n`);
      }
    },
    end: () => {},
  };
}

/** What is done stays above; the last line is what goes on. */
function terminalView(stream: TerminalStream, now: () => number): PackView {
  const painter = createPainter(stream);
  const rarely = limited(REPAINT_MS, now);
  const done: string[] = [];
  let current = '';
  let since = now();
  const paint = () => painter.paint(current === '' ? done : [...done, current]);
  return {
    event: (event) => {
      if (isProgress(event)) {
        current = `${color.yellow(figures.pointer)} ${describeProgress(event, now() - since)}`;
        if (!rarely()) {
          return;
        }
      } else if (event.type === 'member' && event.state === 'started') {
        since = now();
        current = `${color.yellow(figures.pointer)} ${event.path}`;
      } else {
        current = '';
        const mark = event.type === 'warning' ? color.yellow(figures.warning) : color.green(figures.tick);
        done.push(`${mark} ${redact(describe(event) ?? '')}`);
      }
      paint();
    },
    end: () => painter.finish(current === '' ? done : [...done, current]),
  };
}

type ProgressEvent =
  | Extract<PackEvent, { type: 'verified' }>
  | (Extract<PackEvent, { type: 'member'; state: 'started' | 'progress' }> & { state: 'progress' });

/** One of many: only the last one matters. */
function isProgress(event: PackEvent): event is ProgressEvent {
  return event.type === 'verified'
    ? event.bytes < event.total
    : event.type === 'member' && event.state === 'progress';
}

function describeProgress({ path, bytes, total }: ProgressEvent, ms: number): string {
  const speed = `${formatBytes(bytes / Math.max(0.001, ms / 1000))}/s`;
  // An engine's idea of an image's size is not its archive's.
  const known = total !== undefined && total >= bytes;
  const bar = known ? `${progressBar(bytes / total, BAR_COLUMNS)} ` : '';
  return `${path} ${bar}${formatBytes(bytes)}${known ? ` of ${formatBytes(total)}` : ''}, ${speed}`;
}

function describe(event: PackEvent): string | undefined {
  switch (event.type) {
    case 'step':
      return event.message;
    case 'warning':
      return `warning: ${event.message}`;
    case 'verified':
      return event.bytes < event.total ? undefined : `${event.path}: ${formatBytes(event.total)} verified`;
    case 'member':
      switch (event.state) {
        case 'done':
          return `${event.path}: ${sizes(event.member)} in ${formatDuration(event.ms)}`;
        case 'kept':
          return `${event.path}: ${sizes(event.member)}, finished by an earlier run`;
        default:
          return undefined;
      }
  }
}

function sizes({ bytes, contentBytes, compression }: PackMember): string {
  const packed = compression === 'none' ? '' : ` (${formatBytes(bytes)} by ${compression})`;
  return `${formatBytes(contentBytes)}${packed}`;
}

/** A function that is true at most once in `ms`. */
function limited(ms: number, now: () => number): () => boolean {
  let next = Number.NEGATIVE_INFINITY;
  return () => {
    const due = now() >= next;
    next = due ? now() + ms : next;
    return due;
  };
}
