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

/** A Markdown table; all columns but the first are aligned to the right. */
export function table(head, rows) {
  const widths = head.map((title, i) =>
    Math.max(...[title, ...rows.map((row) => row[i])].map(({ length }) => length)),
  );
  const line = (cells) =>
    `| ${cells.map((cell, i) => (i === 0 ? cell.padEnd(widths[i]) : cell.padStart(widths[i]))).join(' | ')} |`;
  const rule = `|${widths.map((width, i) => (i === 0 ? '-'.repeat(width + 2) : `${'-'.repeat(width + 1)}:`)).join('|')}|`;
  return [line(head), rule, ...rows.map(line)].join('\n');
}
