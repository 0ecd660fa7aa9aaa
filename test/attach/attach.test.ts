import { once } from 'node:events';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { connect as connectPlain } from 'node:net';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { describe, expect, it } from 'vitest';
import { attachLauncher } from '../../src/attach/launcher.ts';
import type { MeetingPoint } from '../../src/attach/meeting-point.ts';
import { sharedFsPlace } from '../../src/attach/shared-fs.ts';
import { connectAgent } from '../../src/node/connect-agent.ts';
import { refusingLauncher } from '../../src/scheduler/refusing-launcher.ts';
import { scratch, until } from '../process/scratch.ts';

const never = new AbortController().signal;

/** The supervisor's side, for these nodes, and what it hears. */
function supervisor(nodes: string[]) {
  const directory = join(scratch(), 'slurm-42');
  mkdirSync(directory, { mode: 0o700 });
  const place = sharedFsPlace(directory, 'slurm-42');
  const launcher = attachLauncher({
    place,
    jobId: 'slurm-42',
    addresses: () => ['127.0.0.1'],
    next: refusingLauncher('nobody else'),
  });
  const lines: string[] = [];
  const exits: string[] = [];
  const diagnostics: string[] = [];
  const request = {
    nodes,
    argv: [],
    env: {},
    onLine: (line: string) => lines.push(line),
    onDiagnostic: (line: string) => diagnostics.push(line),
    onExit: (ended: readonly string[] | undefined, reason: string) => exits.push(`${ended}: ${reason}`),
  };
  const agents = launcher.start(request);
  const point = () => until(() => pointIn(directory));
  return { directory, place, launcher, request, agents, lines, exits, diagnostics, point };
}

function pointIn(directory: string): MeetingPoint | undefined {
  try {
    return JSON.parse(readFileSync(join(directory, 'meeting.json'), 'utf8')) as MeetingPoint;
  } catch {
    return undefined;
  }
}

async function agent(place: ReturnType<typeof sharedFsPlace>, node: string) {
  const socket = await connectAgent(place, { node, isLead: false }, never);
  const heard: string[] = [];
  createInterface({ input: socket }).on('line', (line) => heard.push(line));
  socket.on('error', () => {});
  return { socket, heard };
}

describe('agents that come by themselves', () => {
  it('hear what was said before they came, and are heard', async () => {
    const { agents, lines, place } = supervisor(['n0', 'n1']);
    agents.send('the spec');
    const n0 = await agent(place, 'n0');
    await until(() => n0.heard.includes('the spec'));
    agents.send('ping');
    agents.send('ping');
    const n1 = await agent(place, 'n1');
    n1.socket.write('hello of n1\n');
    await until(() => lines.includes('hello of n1'));
    agents.send('go');
    await until(() => n1.heard.includes('go') && n0.heard.includes('go'));
    expect(n1.heard).toEqual(['the spec', 'ping', 'go']);
    await agents.terminate(0);
  });

  it('come also while strangers keep connections open, of which there are never many', async () => {
    const { place, point, agents, lines } = supervisor(['n0']);
    const { port } = await point();
    let open = 0;
    const strangers = await Promise.all(
      Array.from({ length: 120 }, async () => {
        const socket = connectPlain(port, '127.0.0.1');
        socket.on('error', () => {});
        socket.once('close', () => (open -= 1));
        await once(socket, 'connect');
        open += 1;
        return socket;
      }),
    );
    await until(() => open <= 65);
    const n0 = await agent(place, 'n0');
    n0.socket.write('hello of n0\n');
    await until(() => lines.includes('hello of n0'));
    strangers.forEach((socket) => void socket.destroy());
    await agents.terminate(0);
  });

  it('are not waited for by a stranger whose handshake is none', async () => {
    const { point, agents } = supervisor(['n0']);
    const socket = connectPlain((await point()).port, '127.0.0.1');
    socket.on('error', () => {});
    const closed = new Promise((resolve) => socket.once('close', resolve));
    socket.write('GET / HTTP/1.1\r\n\r\n');
    await closed;
    await agents.terminate(0);
  });

  it('are reported when their connection ends', async () => {
    const { agents, exits, place } = supervisor(['n0', 'n1']);
    const n0 = await agent(place, 'n0');
    n0.socket.destroy();
    await until(() => exits.length > 0);
    expect(exits).toEqual(['n0: its connection has ended']);
    await agents.terminate(0);
  });

  it('see the end of their input when the supervisor lets go of them', async () => {
    const { agents, place } = supervisor(['n0']);
    const { socket } = await agent(place, 'n0');
    const ended = new Promise((resolve) => socket.once('end', resolve));
    agents.endInput();
    await ended;
    await agents.ended;
  });

  it('find no door any more when all are there', async () => {
    const { agents, place, point } = supervisor(['n0']);
    const { port } = await point();
    await agent(place, 'n0');
    await until(() => refused(port));
    await agents.terminate(0);
  });

  it('without the key, or of a node that is not waited for, are shown out', async () => {
    const { agents, lines, diagnostics, directory, place, point } = supervisor(['n0']);
    const real = await point();
    const stranger = await agent(place, 'n9');
    await until(() => stranger.socket.destroyed);
    const forged = join(scratch(), 'slurm-42');
    mkdirSync(forged, { mode: 0o700 });
    const key = Buffer.alloc(32).toString('base64');
    writeFileSync(join(forged, 'meeting.json'), JSON.stringify({ ...real, key }), { mode: 0o600 });
    const stop = new AbortController();
    const thief = connectAgent(sharedFsPlace(forged, 'slurm-42'), { node: 'n0', isLead: true }, stop.signal);
    thief.catch(() => {});
    const plain = connectPlain(real.port, '127.0.0.1', () => plain.write('{"attach":"n0"}\nhello\n'));
    await new Promise((resolve) => plain.once('close', resolve));
    stop.abort(new Error('enough'));
    await expect(thief).rejects.toThrow('enough');
    expect(lines).toEqual([]);
    expect(diagnostics).toEqual(['refused an unexpected agent of n9']);
    expect(pointIn(directory)).toEqual(real);
    await agents.terminate(0);
    expect(pointIn(directory)).toBeUndefined();
  });

  it('leave no meeting point behind, also when the supervisor ends at once', async () => {
    const { agents, directory } = supervisor(['n0']);
    agents.endInput();
    await agents.terminate(0);
    expect(pointIn(directory)).toBeUndefined();
  });

  it('pass over the meeting point of a job that is long over', async () => {
    const stale = join(scratch(), 'slurm-42');
    mkdirSync(stale, { mode: 0o700 });
    const place = sharedFsPlace(stale, 'slurm-42');
    const key = Buffer.alloc(32).toString('base64');
    await place.publish({ version: 1, jobId: 'slurm-42', addresses: ['127.0.0.1'], port: 1, key }, never);
    const waiting = agent(place, 'n0');
    const { agents, point } = supervisor(['n0']);
    await place.publish(await point(), never);
    expect((await waiting).heard).toEqual([]);
    await agents.terminate(0);
  });

  it.each([
    ['that others can read', { mode: 0o644, jobId: 'slurm-42' }],
    ['of another job', { mode: 0o600, jobId: 'slurm-41' }],
  ])('pass over a meeting point %s', async (_, { mode, jobId }) => {
    const directory = join(scratch(), 'slurm-42');
    mkdirSync(directory, { mode: 0o700 });
    const key = Buffer.alloc(32).toString('base64');
    const point = { version: 1 as const, jobId, addresses: ['127.0.0.1'], port: 1, key };
    writeFileSync(join(directory, 'meeting.json'), JSON.stringify(point), { mode });
    const place = sharedFsPlace(directory, 'slurm-42');
    const watching = place.watch(never);
    const good = { ...point, jobId: 'slurm-42', port: 2 };
    await place.publish(good, never);
    expect(await watching).toEqual(good);
  });

  it('are not started again where nothing can start them', async () => {
    const { agents, launcher, request, exits } = supervisor(['n0']);
    await launcher.start(request).ended;
    await until(() => exits.length > 0);
    expect(exits).toEqual(['n0: nobody else']);
    await agents.terminate(0);
  });
});

function refused(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connectPlain(port, '127.0.0.1', () => {
      socket.destroy();
      resolve(false);
    });
    socket.once('error', () => resolve(true));
  });
}
