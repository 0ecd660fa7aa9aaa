/** A job's lines on their way into its output in Flux: several at a time, since each append is a commit of the KVS. */
import type { Bridge } from './bridge.ts';

const GATHER_MS = 200;
const MAX_CHARS = 64 * 1024;

type Stream = 'stdout' | 'stderr';

export class JobOutput {
  private readonly bridge: Bridge;
  private readonly id: string;
  private waiting: { stream: Stream; text: string }[] = [];
  private timer: NodeJS.Timeout | undefined;
  private writing: Promise<void> = Promise.resolve();

  constructor(bridge: Bridge, id: string) {
    this.bridge = bridge;
    this.id = id;
  }

  line(line: string, stream: Stream): void {
    const last = this.waiting.at(-1);
    if (last !== undefined && last.stream === stream && last.text.length < MAX_CHARS) {
      last.text += `${line}\n`;
    } else {
      this.waiting.push({ stream, text: `${line}\n` });
    }
    this.timer ??= setTimeout(() => void this.flush(), GATHER_MS);
  }

  /** Resolves when Flux has all lines, in their order. */
  flush(): Promise<void> {
    clearTimeout(this.timer);
    this.timer = undefined;
    const parts = this.waiting;
    this.waiting = [];
    this.writing = this.writing.then(async () => {
      for (const { stream, text } of parts) {
        await this.bridge.write(this.id, stream, text);
      }
    });
    return this.writing;
  }
}
