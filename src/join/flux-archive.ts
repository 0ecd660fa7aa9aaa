/** The record as an archive in the KVS of the Flux instance: nothing has to be shared between the nodes. */
import { mkdtemp } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { UnetError } from '../errors.ts';
import { readPrivateFile, writePrivateFile } from '../files/private-file.ts';
import { removeTree } from '../files/remove-tree.ts';
import {
  type ArchiveOptions,
  createArchive,
  extractArchive,
  getMapped,
  mapFile,
  removeArchive,
  unmap,
} from '../flux/archive.ts';
import { fluxEnvironment } from '../flux/flux.ts';
import { broadcastPrefix } from '../scheduler/broadcast-name.ts';
import { checkJoinRecord, type JoinExpectation, type JoinRecord, parseJoinRecord, toWire } from './record.ts';
import type { JoinTransport, Transport } from './transport.ts';

export type FluxArchiveTransportOptions = {
  /** Node-local and private: the record passes through it. */
  directory: string;
  expect: JoinExpectation;
  env: NodeJS.ProcessEnv;
  /** Before Flux 0.60 there was `flux filemap`: it does not wait. */
  files?: 'archive' | 'filemap' | undefined;
  /** What came and was not taken, once each. */
  onRefused?: ((error: UnetError) => void) | undefined;
  /** Milliseconds between two looks; `flux archive` itself waits for half a minute in each. */
  pollMs?: number | undefined;
};

const FILE = 'record.json';
const MAX_BYTES = 16 * 1024;
const POLL_MS = 500;

/**
 * The archive's name carries job and epoch, so an older record is not even seen. Only the owner of the instance can write
 * it, and it is checked all the same.
 */
export function createFluxArchiveTransport(options: FluxArchiveTransportOptions): JoinTransport {
  const { expect, directory, onRefused, pollMs = POLL_MS } = options;
  const archive = {
    name: `${broadcastPrefix(expect.jobId)}join-${expect.epoch}`,
    env: fluxEnvironment(options.env),
  };
  const how = options.files === 'filemap' ? filemap : kvsArchive;
  return {
    name: 'flux-archive',
    publish: async (record, signal) => {
      signal.throwIfAborted();
      const outbox = await mkdtemp(join(directory, '.join-'));
      try {
        await writePrivateFile(join(outbox, FILE), `${JSON.stringify(toWire(record))}\n`);
        await how.put({ ...archive, signal }, outbox, FILE);
      } finally {
        await removeTree(outbox, { beneath: directory });
      }
    },
    watch: async (signal) => {
      const refuse = createRefusals(onRefused);
      for (;;) {
        signal.throwIfAborted();
        try {
          const text = await receive(how, { ...archive, signal }, directory);
          const record = text === undefined ? undefined : checked(text, expect);
          if (record !== undefined) {
            return record;
          }
        } catch (error) {
          signal.throwIfAborted();
          refuse(error);
        }
        await sleep(pollMs, undefined, { signal }).catch(() => {}); // the loop gives the reason
      }
    },
    withdraw: () => how.remove(archive),
  };
}

/** For Flux instances. */
export const fluxArchive: Transport = {
  needsJobDirectory: false,
  needsScheduler: true,
  create: ({ directory, env, broadcast, expect, onRefused }) =>
    createFluxArchiveTransport({
      directory,
      env,
      files: broadcast === undefined ? 'filemap' : 'archive',
      expect,
      onRefused,
    }),
};

type Way = {
  put: typeof createArchive;
  /** False: it has not come yet. */
  get: (options: ArchiveOptions, directory: string) => Promise<boolean>;
  remove: (options: ArchiveOptions) => Promise<void>;
};

const kvsArchive: Way = {
  put: createArchive,
  get: extractArchive,
  remove: removeArchive,
};

const filemap: Way = {
  put: async (options, directory, file) => {
    await unmap(options);
    await mapFile(options, directory, file);
  },
  get: async (options, directory) => {
    await getMapped(options, directory);
    return true;
  },
  remove: unmap,
};

/** Each look has a directory of its own: extraction refuses to write over a file. */
async function receive(how: Way, options: ArchiveOptions, directory: string): Promise<string | undefined> {
  const inbox = await mkdtemp(join(directory, '.join-'));
  try {
    return (await how.get(options, inbox))
      ? await readPrivateFile(join(inbox, FILE), { maxBytes: MAX_BYTES }).catch(missing)
      : undefined;
  } finally {
    await removeTree(inbox, { beneath: directory });
  }
}

function missing(error: NodeJS.ErrnoException): undefined {
  if (error.code !== 'ENOENT') {
    throw error;
  }
}

function checked(text: string, expect: JoinExpectation): JoinRecord {
  const record = parseJoinRecord(text);
  checkJoinRecord(record, expect);
  return record;
}

function createRefusals(onRefused: ((error: UnetError) => void) | undefined): (error: unknown) => void {
  let last: string | undefined;
  return (error) => {
    const refusal = UnetError.from(error);
    if (refusal.fatal) {
      throw refusal;
    }
    if (refusal.message !== last) {
      last = refusal.message;
      onRefused?.(refusal);
    }
  };
}
