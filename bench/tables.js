/** Numbers as text: medians, and tables that can be pasted into docs/benchmarks.md. */
import { median as medianOf } from 'simple-statistics';

export function median(values) {
  return values.length === 0 ? Number.NaN : medianOf(values);
}

/** "7.42 s" */
export function seconds(ms) {
  return `${(ms / 1000).toFixed(2)} s`;
}

export function milliseconds(ms) {
  return `${Math.round(ms)} ms`;
}

export function ratio(value) {
  return Number.isFinite(value) ? value.toFixed(2) : '-';
}

export function megabytes(kb) {
  return `${Math.round(kb / 1024)} MB`;
}

/** A Markdown table; columns are aligned to the right where they hold numbers. */
export function table(head, rows) {
  const widths = head.map((title, i) =>
    Math.max(...[title, ...rows.map((row) => row[i])].map(({ length }) => length)),
  );
  const isNumeric = head.map((_, i) => i > 0 && rows.every((row) => /^[\d-]/.test(row[i])));
  const line = (cells) =>
    `| ${cells.map((cell, i) => (isNumeric[i] ? cell.padStart(widths[i]) : cell.padEnd(widths[i]))).join(' | ')} |`;
  const rule = widths.map((width, i) => (isNumeric[i] ? `${'-'.repeat(width + 1)}:` : '-'.repeat(width + 2)));
  return [line(head), `|${rule.join('|')}|`, ...rows.map(line)].join('\n');
}
