/** Drawing a block of lines over itself on a terminal, whose size may change at any time. */
import { stripVTControlCharacters } from 'node:util';

const HIDE_CURSOR = '\u001b[?25l';
const SHOW_CURSOR = '\u001b[?25h';
// Line by line: clearing all below makes tmux put the old screen into its history, at every repaint.
const UP_AND_CLEAR = '\u001b[1A\u001b[2K';
const DEFAULT_COLUMNS = 80;
const DEFAULT_ROWS = 24;

export type TerminalStream = NodeJS.WritableStream & { columns?: number; rows?: number; isTTY?: boolean };

export type Painter = {
  /** Draws `lines` over the ones before. */
  paint: (lines: readonly string[]) => void;
  /** Draws the last lines, which stay, and shows the cursor again. */
  finish: (lines: readonly string[]) => void;
};

/**
 * Not log-update, which listr2 uses: that one takes the size of process.stdout, and by way of cli-cursor puts
 * listeners on every signal of the process. Here the lines before are counted in rows of the present width, so
 * that a terminal that was made narrower, and has wrapped them, is cleared as well.
 */
export function createPainter(stream: TerminalStream): Painter {
  let before: readonly string[] = [];
  const columns = () => stream.columns || DEFAULT_COLUMNS;
  const erase = () => {
    const rows = before.reduce((sum, line) => sum + Math.max(1, Math.ceil(widthOf(line) / columns())), 0);
    return `\r${UP_AND_CLEAR.repeat(rows)}`;
  };
  const draw = (lines: readonly string[], ends: string) => {
    // One column stays free: at the very edge terminals differ in when they wrap.
    const fitting = lines.map((line) => cut(line, columns() - 1));
    stream.write(`${erase()}${fitting.map((line) => `${line}\n`).join('')}${ends}`);
    before = fitting;
  };
  // Also when the process ends without finish(); not a signal handler, those are the command line's.
  const showCursor = () => void stream.write(SHOW_CURSOR);
  let hidden = false;
  return {
    // What does not fit above the cursor could not be erased again.
    paint(lines) {
      if (!hidden) {
        hidden = true;
        process.once('exit', showCursor);
      }
      draw(lines.slice(0, Math.max(1, (stream.rows || DEFAULT_ROWS) - 1)), HIDE_CURSOR);
    },
    finish(lines) {
      draw(lines, SHOW_CURSOR);
      process.off('exit', showCursor);
      hidden = false;
      before = [];
    },
  };
}

/** `line` cut to `columns`, its colours closed. */
export function cut(line: string, columns: number): string {
  if (widthOf(line) <= columns) {
    return line;
  }
  let left = Math.max(0, columns - 1);
  // biome-ignore lint/suspicious/noControlCharactersInRegex: terminal escapes are control characters
  const parts = line.split(/(\u001b\[[0-9;]*m)/);
  const kept = parts.map((part, index) => {
    if (index % 2 === 1) {
      return part;
    }
    const text = [...part].slice(0, left).join('');
    left -= [...text].length;
    return text;
  });
  return `${kept.join('')}…`;
}

/** In columns; what unet draws is one column wide each. */
function widthOf(line: string): number {
  return [...stripVTControlCharacters(line)].length;
}
