/** The live view on a terminal, drawn by listr2. */
import { color, DefaultRenderer, figures, Listr, type ListrTask, Spinner } from 'listr2';
import { redact } from '../process/redact.ts';
import { createErrorBlocks } from './error-blocks.ts';
import { createPainter, type Painter, type TerminalStream } from './painter.ts';
import { advance, createProgress, type Progress } from './progress.ts';
import { summaryLines } from './summary-table.ts';
import { TASKS, type TaskLine, taskLines } from './task-list.ts';
import type { UnetEvent } from './types.ts';

export type LiveView = { event: (event: UnetEvent) => void; end: () => Promise<void> };

const REPAINT_MS = 100;

/**
 * The live list. It draws from the first event until `end`, which leaves the list, then the warnings, each error
 * in full and the table of timings. No signal handler is installed and the stream is not taken over: nobody else
 * may write to the terminal meanwhile.
 */
export function createTerminalView(stream: TerminalStream, now: () => number): LiveView {
  const progress = createProgress();
  const painter = createPainter(stream);
  let heardAt = now();
  let finish = () => {};
  const finished = new Promise<void>((resolve) => {
    finish = resolve;
  });
  let running: Promise<unknown> | undefined;
  let ending = false;

  const start = () =>
    new Listr(tasksUntil(finished), {
      concurrent: true,
      registerSignalListeners: false,
      renderer: rendererOn(painter, {
        // Between two events the time goes on by our own clock.
        lines: () => taskLines(progress, progress.at + (ending ? 0 : Math.max(0, now() - heardAt))),
        ending: () => ending,
      }),
      rendererOptions: { collapseSubtasks: false },
    }).run();

  return {
    event(event) {
      advance(progress, event);
      heardAt = now();
      if (!ending) {
        running ??= start();
      }
    },
    async end() {
      if (ending) {
        await running;
        return;
      }
      ending = true;
      finish();
      await running;
      const after = closingLines(progress);
      if (after.length > 0) {
        stream.write(after.map((line) => `${redact(line)}\n`).join(''));
      }
    },
  };
}

/** Each task is called by its id and lasts until the end: what is drawn for it comes from the progress. */
function tasksUntil(finished: Promise<void>): ListrTask[] {
  return TASKS.map(({ id, steps }) => ({
    title: id,
    task: (_context, task) =>
      steps === undefined
        ? finished
        : task.newListr(
            steps.map((step) => ({ title: step, task: () => finished })),
            { concurrent: true },
          ),
  }));
}

type View = { lines: () => ReadonlyMap<string, TaskLine>; ending: () => boolean };

/** listr2's own renderer, with our lines for its titles and our painter for log-update. */
function rendererOn(painter: Painter, view: View): typeof DefaultRenderer {
  const ticker = new Spinner();
  return class LiveRenderer extends DefaultRenderer {
    // listr2 looks at stdout; ours is stderr.
    static override nonTTY = true;
    private lines = view.lines();

    override async render(): Promise<void> {
      this.update();
      ticker.start(() => this.update(), REPAINT_MS);
    }

    override update(): void {
      painter.paint(this.draw());
    }

    override end(): void {
      ticker.stop();
      painter.finish(this.draw());
    }

    protected override format(id: string, _icon: string, level: number): string[] {
      const line = this.lines.get(id);
      return line === undefined ? [] : [`${'  '.repeat(level)}${this.mark(line)} ${redact(line.title)}`];
    }

    private draw(): string[] {
      this.lines = view.lines();
      return this.create().split('\n');
    }

    private mark({ state }: TaskLine): string {
      switch (state) {
        case 'done':
          return color.green(figures.tick);
        case 'failed':
          return color.red(figures.cross);
        case 'warning':
          return color.yellow(figures.warning);
        case 'running':
          return color.yellow(view.ending() ? figures.squareSmallFilled : ticker.fetch());
      }
    }
  };
}

function closingLines(progress: Progress): string[] {
  const errorBlock = createErrorBlocks();
  const ofNodes = [...progress.nodes.values()].flatMap(({ error }) => error ?? []);
  const told = new Set(ofNodes.map(({ code, node, step }) => JSON.stringify([code, node, step])));
  const others = progress.errors.filter(
    ({ code, node, step }) => !told.has(JSON.stringify([code, node, step])),
  );
  return [
    ...progress.warnings.map((warning) => `warning: ${warning}`),
    ...[...ofNodes, ...others].flatMap(errorBlock),
    ...(progress.summary === undefined ? [] : summaryLines(progress.summary)),
  ];
}
