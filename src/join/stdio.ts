/** The record comes down the agents' input, among the lines of their protocol. */
import { once } from 'node:events';
import { UnetError } from '../errors.ts';
import {
  checkJoinRecord,
  type JoinExpectation,
  type JoinRecord,
  type JoinRecordWire,
  parseJoinRecord,
  toWire,
} from './record.ts';
import type { JoinTransport, Transport } from './transport.ts';

export type StdioTransportOptions = {
  expect: JoinExpectation;
  /** Lead: puts the record on the agents' input, its token in the clear; false when that is closed. */
  send?: ((record: JoinRecordWire) => boolean | undefined) | undefined;
  /** Worker: each record that was good. */
  onRecord?: ((record: JoinRecord) => void) | undefined;
  /** Worker: each record that was not, and why. */
  onRefused?: ((error: UnetError) => void) | undefined;
};

export type StdioTransport = JoinTransport & {
  /** Worker: what came in. A record may come before anyone watches for it: it is kept. */
  deliver: (value: unknown) => void;
};

/** Needs nothing but the launcher. */
export const stdio: Transport = {
  needsJobDirectory: false,
  needsScheduler: false,
  create: ({ isLead, expect, onRefused, send, receive }) => {
    let received = false;
    const transport = createStdioTransport({
      expect,
      onRefused,
      onRecord: () => {
        received = true;
      },
      send: (record) => {
        send(record);
        return true;
      },
    });
    const deliverAll = async () => {
      // No further than the first: the record of a later epoch waits for the transport of that epoch.
      while (!received) {
        transport.deliver(await receive());
      }
    };
    if (!isLead) {
      deliverAll().catch(() => {}); // told to stop
    }
    return transport;
  },
};

export function createStdioTransport({
  expect,
  send,
  onRecord,
  onRefused,
}: StdioTransportOptions): StdioTransport {
  const arrivals = new EventTarget();
  let latest: JoinRecord | undefined;
  return {
    name: 'stdio',
    publish: async (record, signal) => {
      signal.throwIfAborted();
      if (send?.(toWire(record)) === false) {
        throw new UnetError(
          'UNET_LAUNCH_FAILED',
          'the join record could not be sent: the agents’ input is closed',
        );
      }
    },
    deliver: (value) => {
      try {
        const record = parseJoinRecord(value);
        checkJoinRecord(record, expect);
        latest = record;
        onRecord?.(record);
        arrivals.dispatchEvent(new Event('record'));
      } catch (error) {
        onRefused?.(UnetError.from(error));
      }
    },
    watch: async (signal) => {
      signal.throwIfAborted();
      while (latest === undefined) {
        await arrival(arrivals, signal);
      }
      return latest;
    },
    withdraw: async () => {
      latest = undefined;
    },
  };
}

async function arrival(arrivals: EventTarget, signal: AbortSignal): Promise<void> {
  try {
    await once(arrivals, 'record', { signal });
  } catch (error) {
    signal.throwIfAborted(); // the reason itself, rather than once's AbortError around it
    throw error;
  }
}
