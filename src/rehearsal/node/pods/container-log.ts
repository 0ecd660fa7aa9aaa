/** What one run of a container wrote: lines with their time, the newest 10 MiB of them. */
import { EventEmitter } from 'node:events';

/** As a kubelet's containerLogMaxSize. */
const MAX_BYTES = 10 * 1024 * 1024;

export type LogLine = { time: string; text: string };

export type LogOptions = {
  tailLines?: number;
  /** Milliseconds since the epoch. */
  since?: number;
  timestamps: boolean;
  limitBytes?: number;
};

export class ContainerLog {
  private readonly lines: LogLine[] = [];
  private readonly added = new EventEmitter().setMaxListeners(0);
  private readonly rest = new Map<string, string>();
  private bytes = 0;
  ended = false;

  /** Takes output as it comes; each stream's lines stay whole. */
  write(stream: 'stdout' | 'stderr', chunk: string): void {
    const lines = ((this.rest.get(stream) ?? '') + chunk).split('\n');
    this.rest.set(stream, lines.pop() ?? '');
    for (const line of lines) this.add(`${line}\n`);
  }

  /** The process is over: a last line without its end is a line too. */
  end(): void {
    for (const text of this.rest.values()) if (text !== '') this.add(text);
    this.rest.clear();
    this.ended = true;
    this.added.emit('end');
  }

  private add(text: string): void {
    const line = { time: new Date().toISOString().replace('Z', '000000Z'), text };
    this.lines.push(line);
    this.bytes += text.length;
    while (this.bytes > MAX_BYTES) this.bytes -= this.lines.shift()?.text.length ?? 0;
    this.added.emit('line', line);
  }

  /** Sends what is there; with `follow` also what comes, until the end or the signal. */
  async read(
    send: (text: string) => void,
    options: LogOptions,
    follow: boolean,
    signal: AbortSignal,
  ): Promise<void> {
    let left = options.limitBytes ?? Number.POSITIVE_INFINITY;
    const print = ({ time, text }: LogLine) => {
      const shown = (options.timestamps ? `${time} ${text}` : text).slice(0, left);
      left -= shown.length;
      if (shown !== '') send(shown);
    };
    const since = options.since ?? 0;
    const chosen = this.lines.filter(({ time }) => Date.parse(time) >= since);
    const tail =
      options.tailLines === undefined ? chosen : chosen.slice(Math.max(0, chosen.length - options.tailLines));
    for (const line of tail) print(line);
    if (!follow || this.ended || signal.aborted) return;
    this.added.on('line', print);
    try {
      await new Promise<void>((resolve) => {
        this.added.once('end', resolve);
        signal.addEventListener('abort', () => resolve(), { once: true });
      });
    } finally {
      this.added.off('line', print);
    }
  }
}
