import { EventEmitter } from 'node:events';

/** Lines kept for `make logs`. */
const keptLines = 2000;

/** What the node's services said, as journalctl shows it. */
export class Journal {
  readonly #lines: string[] = [];
  readonly #added = new EventEmitter();
  readonly #host: string;

  constructor(host: string) {
    this.#host = host;
    this.#added.setMaxListeners(0);
  }

  /** Adds one line of a unit, such as kubelet or containerd. */
  log(unit: string, message: string): void {
    const time = new Date().toUTCString().replace(/^\w+, (\d+) (\w+) \d+ ([\d:]+) GMT$/, '$2 $1 $3');
    const line = `${time} ${this.#host} ${unit}[${process.pid}]: ${message}`;
    this.#lines.push(line);
    if (this.#lines.length > keptLines) this.#lines.shift();
    this.#added.emit('line', line);
  }

  /** Everything so far; with `follow` also what comes, until the signal. */
  async read(print: (line: string) => void, follow: boolean, signal: AbortSignal): Promise<void> {
    for (const line of this.#lines) print(line);
    if (!follow) return;
    this.#added.on('line', print);
    await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
    this.#added.off('line', print);
  }
}
