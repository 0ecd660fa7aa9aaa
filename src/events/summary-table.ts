/** The table of timings at the end of every bring-up. */

import { STEPS } from '../steps.ts';
import { formatDuration, formatSeconds } from './format.ts';
import { type Column, tableLines } from './table.ts';
import type { Summary } from './types.ts';

const COLUMNS: readonly Column[] = [
  { title: 'step' },
  { title: 'on' },
  { title: 'p50 s', align: 'right' },
  { title: 'p95 s', align: 'right' },
  { title: 'max s', align: 'right' },
  { title: 'slowest' },
];
const NAMED = 10;

/** Ready and missing nodes, then seconds by step: the lead's own, and p50, p95, max and slowest of the workers. */
export function summaryLines({ wallMs, ready, missing, timings }: Summary): string[] {
  const total = ready.length + missing.length;
  const rows = timings.map(({ step, role, count, p50, p95, max, slowest }) =>
    role === 'lead'
      ? [STEPS[step].title, 'lead', '', '', formatSeconds(max), '']
      : [
          STEPS[step].title,
          count === 1 ? '1 worker' : `${count} workers`,
          ...[p50, p95, max].map(formatSeconds),
          slowest,
        ],
  );
  return [
    ...(rows.length === 0 ? [] : tableLines(COLUMNS, rows)),
    `${ready.length} of ${total} nodes ready in ${formatDuration(wallMs)}`,
    ...(missing.length === 0 ? [] : [`missing: ${someOf(missing)}`]),
  ];
}

/** The first few names, and how many more there are. */
export function someOf(names: readonly string[], count = NAMED): string {
  const more = names.length - count;
  return more <= 0 ? names.join(', ') : `${names.slice(0, count).join(', ')} and ${more} more`;
}
