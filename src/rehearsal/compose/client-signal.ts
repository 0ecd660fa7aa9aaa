/** The client was told to end; carries the exit code that a shell would show. */
export class ClientEnded extends Error {
  override name = 'ClientEnded';
  readonly exitCode: number;

  constructor(exitCode: number) {
    super('ended by a signal');
    this.exitCode = exitCode;
  }
}

/**
 * A signal that aborts when this client has to end: on TERM, INT or HUP, and when its parent is gone (a
 * shell of make between the two does not pass signals on).
 */
export function clientSignal(): AbortSignal {
  const controller = new AbortController();
  for (const [name, number] of [
    ['SIGTERM', 15],
    ['SIGINT', 2],
    ['SIGHUP', 1],
  ] as const) {
    process.once(name, () => controller.abort(new ClientEnded(128 + number)));
  }
  const parent = Number(process.env.UNET_REHEARSAL_PARENT ?? process.ppid);
  const watch = setInterval(() => {
    if (process.ppid !== parent) controller.abort(new ClientEnded(128 + 15));
  }, 250);
  watch.unref();
  return controller.signal;
}
