/** Just enough of a terminal to say what would be seen: lines, cursor up, clear line, hide and show the cursor. */
export type Screen = { lines: string[]; cursorShown: boolean };

export function screenOf(output: string): Screen {
  const lines: string[] = [''];
  let row = 0;
  let cursorShown = true;
  // biome-ignore lint/suspicious/noControlCharactersInRegex: terminal escapes are control characters
  for (const [piece] of output.matchAll(/\u001b\[\??\d*[A-Za-z]|\r|\n|[^\u001b\r\n]+/g)) {
    if (piece === '\n') {
      row += 1;
      lines[row] ??= '';
    } else if (piece === '\u001b[1A') {
      row = Math.max(0, row - 1);
    } else if (piece === '\u001b[2K') {
      lines[row] = '';
    } else if (piece === '\u001b[?25l' || piece === '\u001b[?25h') {
      cursorShown = piece.endsWith('h');
    } else if (!piece.startsWith('\u001b') && piece !== '\r') {
      lines[row] += piece;
    }
  }
  while (lines.at(-1) === '') {
    lines.pop();
  }
  return { lines, cursorShown };
}
