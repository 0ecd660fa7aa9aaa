/** The socket's name inside the state directory. */
export const socketName = 'exec.sock';

/** First and only line from the client to the daemon. */
export interface ExecRequest {
  argv: string[];
  env: Record<string, string>;
  /** UNET_REHEARSAL of the client's process, already checked. */
  faults: string;
  /** When the step began that the command is a part of, milliseconds since the epoch. */
  startedAt: number;
}

/** Lines from the daemon: output, then the exit code. */
export type ExecReply = { out: string } | { err: string } | { exit: number };
