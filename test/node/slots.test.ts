import { spawn } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { createInterface } from 'node:readline';
import { describe, expect, it, onTestFinished } from 'vitest';
import { claimPortOfSlot, claimSlot, portsOfSlot, SLOTS } from '../../src/node/slots.ts';
import { scratch } from '../process/scratch.ts';

// Others on this machine claim from the first slot on: these tests look further up.
const FROM = 24;

/** A process that holds a slot until it dies. */
async function holder(from: number): Promise<{ slot: number; kill: () => Promise<void> }> {
  const source = new URL('../../src/node/slots.ts', import.meta.url).pathname;
  const { build } = await import('esbuild');
  const file = `${scratch()}/holder.mjs`;
  await build({
    stdin: {
      contents: `import { claimSlot } from ${JSON.stringify(source)}; console.log((await claimSlot(${from}))?.slot); setInterval(() => {}, 1e6);`,
      resolveDir: '/',
    },
    bundle: true,
    platform: 'node',
    format: 'esm',
    outfile: file,
    logLevel: 'error',
  });
  const child = spawn(process.execPath, [file], { stdio: ['ignore', 'pipe', 'inherit'] });
  onTestFinished(() => void child.kill('SIGKILL'));
  const [line] = await once(createInterface({ input: child.stdout }), 'line');
  return {
    slot: Number(line),
    kill: async () => {
      const exited = once(child, 'exit');
      child.kill('SIGKILL');
      await exited;
    },
  };
}

async function claim(from: number) {
  const claimed = await claimSlot(from);
  if (claimed === undefined) {
    throw new Error('no slot is free');
  }
  onTestFinished(claimed.release);
  return claimed;
}

describe('a slot of ports', () => {
  it('is never shared, however many ask at the same time', async () => {
    const claims = await Promise.all(Array.from({ length: 8 }, () => claim(FROM)));
    expect(new Set(claims.map(({ slot }) => slot)).size).toBe(8);
  });

  it('of another process is passed by, and free again when that is killed', async () => {
    const other = await holder(FROM);
    expect(other.slot).toBeGreaterThanOrEqual(FROM);
    expect((await claim(other.slot)).slot).toBeGreaterThan(other.slot);
    await other.kill();
    expect((await claim(other.slot)).slot).toBe(other.slot);
  });

  it('is not kept from anybody by a process that has taken the name of an abstract socket', async () => {
    const { slot, release } = await claim(FROM);
    release();
    const squatter = createServer();
    onTestFinished(() => void squatter.close());
    squatter.listen({ path: `\0unet-ports-${slot}` });
    await once(squatter, 'listening');
    expect((await claim(slot)).slot).toBeLessThanOrEqual(slot + 1);
  });

  it('that was given back can be taken again', async () => {
    const first = await claim(FROM);
    first.release();
    // Closing is not at once everywhere: the next in line is fine too, but not a later one.
    expect((await claim(first.slot)).slot).toBeLessThanOrEqual(first.slot + 1);
  });

  it.each(['etcd', 'kubelet', 'apiServer'] as const)(
    'is passed by when its %s port is taken',
    async (name) => {
      const { slot, release } = await claim(FROM);
      const server = createServer();
      onTestFinished(() => void server.close());
      server.listen(portsOfSlot(slot)[name], '127.0.0.1');
      await once(server, 'listening');
      release();
      expect((await claim(slot)).slot).toBeGreaterThan(slot);
    },
  );

  it("is passed by when flannel's UDP port is taken", async () => {
    const { slot, release } = await claim(FROM);
    const socket = createSocket('udp4');
    onTestFinished(() => void socket.close());
    socket.bind(portsOfSlot(slot).flannel, '0.0.0.0');
    await once(socket, 'listening');
    release();
    expect((await claim(slot)).slot).toBeGreaterThan(slot);
  });

  it('is undefined when none is left', async () => {
    const { slot } = await claim(FROM);
    expect(await claimSlot(slot, 1)).toBeUndefined();
  });

  it('has ports of its own, below those that the kernel gives out', () => {
    const all = Array.from({ length: SLOTS }, (_, slot) => [
      ...Object.values(portsOfSlot(slot)),
      claimPortOfSlot(slot),
    ]).flat();
    expect(new Set(all).size).toBe(all.length);
    expect(Math.max(...all)).toBeLessThan(32_768);
    // Upstream's own come first, so that a single cluster looks as its documentation says.
    expect(portsOfSlot(0)).toEqual({ etcd: 2379, kubelet: 10_250, flannel: 8472, apiServer: 6443 });
  });
});
