import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { UnetError } from '../../src/errors.ts';
import type { ToAgents } from '../../src/protocol/to-agents.ts';
import { openAllocation } from '../../src/scheduler/registry.ts';
import type { PackCluster } from '../../src/supervisor/pack-broadcast.ts';
import { createPackDelivery } from '../../src/supervisor/pack-delivery.ts';
import { createRoster, type NodeEntry } from '../../src/supervisor/roster.ts';
import { program, scratch, until } from '../process/scratch.ts';

type Wanted = {
  nodes?: number;
  packVia?: string;
  packReaders?: number;
  /** Nodes that do not see the pack. */
  blind?: string[];
  allocation?: object;
  path?: string;
  onlyFirst?: number;
};

/** A bring-up whose agents have greeted, and what it says to them. */
function bringUp({
  nodes = 4,
  packVia = 'auto',
  packReaders = 8,
  blind = [],
  allocation,
  path,
  onlyFirst,
}: Wanted) {
  const names = Array.from({ length: nodes }, (_, index) => `n${index}`);
  const roster = createRoster(names);
  const said: string[] = [];
  const failures: UnetError[] = [];
  for (const node of roster.values()) {
    const seesPack = !blind.includes(node.name);
    node.hello = { type: 'hello', node: node.name, seesPack, nodeDir: '/tmp/unet-1' } as never;
    node.phase = 'working';
  }
  const env = { PATH: path ?? '/nonexistent' };
  const job = { kind: 'slurm', jobId: 'slurm-1', schedulerJobId: '1', nodes: names, ...allocation };
  const cluster = {
    scheduler: openAllocation(job, env),
    options: {
      settings: {
        pack: '/shared/my.pack',
        packVia,
        packReaders,
        nodes: onlyFirst,
        stepTimeouts: { load: 10_000 },
      },
      allocation: job,
    },
    roster,
    spec: { oneHost: false, pack: { id: 'abc' } },
    send: (message: ToAgents) => {
      if (message.type === 'pack') {
        said.push(`${message.node} ${message.via}`);
      }
    },
    emit: ({ type, message }: { type: string; message: string }) => void said.push(`${type}: ${message}`),
    fail: (error: UnetError) => void failures.push(error),
    giveUp: (node: NodeEntry, error: UnetError) => void failures.push(error.with({ node: node.name })),
  } as unknown as PackCluster;
  const delivery = createPackDelivery(cluster, new AbortController().signal);
  const each = (act: (node: NodeEntry) => void) => [...roster.values()].forEach(act);
  return { delivery, said, failures, each, node: (name: string) => roster.get(name) as NodeEntry };
}

/** A PATH with an sbcast that notes its words and exits. */
function withSbcast(code: number) {
  const directory = scratch();
  program(
    directory,
    'sbcast',
    `#!/bin/sh\necho "$@" > ${directory}/words\necho it broke >&2\nexit ${code}\n`,
  );
  return {
    path: `${directory}:/bin:/usr/bin`,
    words: () => readFileSync(join(directory, 'words'), 'utf8').trim(),
  };
}

describe('a pack on its way', () => {
  it('is read by no more nodes at the same time than may', () => {
    const { delivery, said, each, node } = bringUp({ packReaders: 2, packVia: 'shared-fs' });
    each(delivery.request);
    expect(said).toEqual([]);
    delivery.start();
    expect(said).toEqual(['n0 shared-fs', 'n1 shared-fs']);
    delivery.finish(node('n1'));
    expect(said.at(-1)).toBe('n2 shared-fs');
    delivery.finish(node('n3'));
    delivery.finish(node('n0'));
    expect(said).toHaveLength(3);
  });

  it('is broadcast by sbcast where more nodes want it than may read', async () => {
    const { path, words } = withSbcast(0);
    const { delivery, said, each } = bringUp({ packReaders: 2, path });
    delivery.start();
    each(delivery.request);
    await until(() => said.length === 4);
    expect(said).toEqual(['n0 sbcast', 'n1 sbcast', 'n2 sbcast', 'n3 sbcast']);
    expect(words()).toBe('--force --jobid=1 /shared/my.pack /tmp/unet-1/slurm-1/.pack.incoming');
  });

  it('is read after all when the broadcast fails, with a warning', async () => {
    const { path } = withSbcast(1);
    const { delivery, said, each } = bringUp({ packReaders: 3, path });
    each(delivery.request);
    delivery.start();
    await until(() => said.length === 4);
    expect(said[0]).toMatch(/^warning: the pack is read from \/shared\/my.pack: sbcast exited with 1$/);
    expect(said.slice(1)).toEqual(['n0 shared-fs', 'n1 shared-fs', 'n2 shared-fs']);
  });

  it('fails the bring-up when the broadcast fails that a node needs, or that was asked for', async () => {
    const { path } = withSbcast(1);
    for (const wanted of [{ blind: ['n2'] }, { packVia: 'sbcast' }]) {
      const { delivery, failures } = bringUp({ ...wanted, path });
      delivery.start();
      await until(() => failures.length > 0);
      expect(failures[0]).toMatchObject({ code: 'UNET_PACK_UNREACHABLE', details: { tail: ['it broke'] } });
    }
  });

  it.each([
    ['not all nodes of the job are used', { onlyFirst: 4 }],
    ['there is no Slurm', { allocation: { kind: 'local', schedulerJobId: undefined } }],
    ['Flux is too old', { allocation: { kind: 'flux', details: { uri: 'x', files: 'filemap' } } }],
  ])('is not broadcast when %s', (_, wanted) => {
    const { delivery, said, each } = bringUp({ packReaders: 2, ...wanted });
    each(delivery.request);
    delivery.start();
    expect(said).toEqual(['n0 shared-fs', 'n1 shared-fs']);
  });

  it('names a node that does not see it, where nothing can be broadcast', () => {
    const { delivery, failures } = bringUp({ blind: ['n3'], onlyFirst: 4 });
    delivery.start();
    expect(failures[0]).toMatchObject({
      code: 'UNET_PACK_UNREACHABLE',
      exitCode: 3,
      message: 'n3 does not see /shared/my.pack',
    });
  });

  it('is read by a node that comes again after a broadcast', async () => {
    const { path } = withSbcast(0);
    const { delivery, said, each, node } = bringUp({ packReaders: 2, path });
    each(delivery.request);
    delivery.start();
    await until(() => said.length === 4);
    delivery.finish(node('n2'));
    delivery.request(node('n2'));
    expect(said.at(-1)).toBe('n2 shared-fs');
  });
});
