/** Times for people. */

/** "0.4 s", "12.3 s", "3m 12s", "1h 02m". */
export function formatDuration(ms: number): string {
  const tenths = Math.round(ms / 100);
  if (tenths < 600) {
    return `${(tenths / 10).toFixed(1)} s`;
  }
  const seconds = Math.round(ms / 1000);
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) {
    return `${minutes}m ${two(seconds % 60)}s`;
  }
  const all = Math.round(seconds / 60);
  return `${Math.floor(all / 60)}h ${two(all % 60)}m`;
}

/** "12.3": seconds for tables, so that columns can be compared and sorted. */
export function formatSeconds(ms: number): string {
  return (ms / 1000).toFixed(1);
}

/** "144 KiB", "12.3 MiB". */
export function formatBytes(bytes: number): string {
  const kib = bytes / 1024;
  return kib < 1024 ? `${Math.ceil(kib)} KiB` : `${(kib / 1024).toFixed(1)} MiB`;
}

function two(value: number): string {
  return String(value).padStart(2, '0');
}
