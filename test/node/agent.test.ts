import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  chmodSync,
  chownSync,
  constants,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { create } from 'tar';
import { describe, expect, it, onTestFinished } from 'vitest';
import { checkPeer, PROTOCOL } from '../../src/protocol/version.ts';
import { until } from '../process/scratch.ts';
import { AgentPlace } from './agent-process.ts';
import { killGuardian } from './kill-guardian.ts';

const isRoot = process.getuid?.() === 0;

/** Nothing of the job is left on this machine. */
async function expectNothingLeft(place: AgentPlace): Promise<void> {
  await until(() => place.processes().length === 0);
  expect(place.files()).toEqual([]);
}

describe('an agent greets', () => {
  it('with what it is, and the ports that it holds', async () => {
    const place = new AgentPlace();
    const agent = place.start();
    agent.send(place.spec());
    const hello = await agent.heard('hello');
    expect(hello).toMatchObject({
      node: 'node-0',
      protocol: PROTOCOL,
      host: hostname(),
      pid: agent.child.pid,
      nodeDir: place.root,
      seesJobDir: true,
      address: expect.stringMatching(/^\d+\.\d+\.\d+\.\d+$/),
    });
    expect(hello.slot).toBeGreaterThanOrEqual(0);
    expect(hello.problem).toBeUndefined();
    expect(statSync(place.root).mode & 0o777).toBe(0o700);
    agent.endInput();
    expect(await agent.exited).toBe(0);
    await expectNothingLeft(place);
  });

  it('and knows that the job directory is another one here', async () => {
    const place = new AgentPlace();
    const agent = place.start();
    agent.send(place.spec({ nonce: 'another' }));
    expect(await agent.heard('hello')).toMatchObject({ seesJobDir: false });
    agent.endInput();
    await agent.exited;
  });

  it('and misses flux where something is to come by flux archive', async () => {
    const place = new AgentPlace();
    const bin = mkdtempSync(join(place.directory, 'bin-'));
    symlinkSync(execFileSync('which', ['make'], { encoding: 'utf8' }).trim(), join(bin, 'make'));
    symlinkSync(process.execPath, join(bin, 'node'));
    for (const [needsFlux, code] of [
      [true, 'UNET_TOOL_MISSING'],
      [false, undefined],
    ] as const) {
      const agent = place.start({ env: { PATH: bin } });
      agent.send(place.spec({ tools: needsFlux ? ['flux'] : [] }));
      const { problem } = await agent.heard('hello');
      expect(problem?.code).toBe(code);
      if (needsFlux) {
        expect(problem).toMatchObject({
          node: 'node-0',
          message: 'flux was not found on PATH',
          remedy: expect.stringContaining('--join-via shared-fs or stdio'),
        });
      }
      agent.endInput();
      await agent.exited;
    }
  });

  it('not at all when nobody tells it what to do', async () => {
    const place = new AgentPlace();
    const agent = place.start();
    agent.endInput();
    expect(await agent.exited).toBe(3);
    expect(agent.said).toEqual([]);
    expect(place.files()).toEqual([]);
  });
});

describe('another version', () => {
  it.each([
    ['newer', PROTOCOL + 1],
    ['older', PROTOCOL - 1],
  ])('of the supervisor, %s, is refused by the agent, which says both', async (order, protocol) => {
    const place = new AgentPlace();
    const agent = place.start();
    agent.send(place.spec({ protocol, unet: '9.9.9' }));
    const { problem } = await agent.heard('hello');
    expect(problem).toMatchObject({
      code: 'UNET_PROTOCOL_VERSION',
      node: 'node-0',
      message: expect.stringMatching(
        new RegExp(`supervisor runs unet 9\\.9\\.9 \\(protocol ${protocol}\\), ${order} than this unet`),
      ),
    });
    expect(await agent.exited).toBe(3);
    expect(place.files()).toEqual([]);
  });

  it('whose spec has another form is refused in the same words', async () => {
    const place = new AgentPlace();
    const agent = place.start();
    agent.send({ type: 'spec', protocol: 7, unet: '9.9.9', everything: 'else' });
    expect((await agent.heard('hello')).problem).toMatchObject({
      code: 'UNET_PROTOCOL_VERSION',
      message: expect.stringContaining('protocol 7'),
    });
    expect(await agent.exited).toBe(3);
  });

  it('of the agent is refused by the supervisor, which names the node', () => {
    expect(() => checkPeer({ protocol: PROTOCOL + 1, unet: '9.9.9' }, '0.1.0', 'n1')).toThrow(
      expect.objectContaining({
        code: 'UNET_PROTOCOL_VERSION',
        exitCode: 3,
        message: `n1 runs unet 9.9.9 (protocol ${PROTOCOL + 1}), newer than this unet 0.1.0 (protocol ${PROTOCOL})`,
      }),
    );
    expect(() => checkPeer({ protocol: PROTOCOL - 1, unet: '0.0.1' }, '0.1.0', 'n1')).toThrow(
      'older than this unet',
    );
    expect(() => checkPeer({ protocol: PROTOCOL, unet: '0.0.1' }, '0.1.0', 'n1')).not.toThrow();
  });

  it('is not blamed for a spec of this version that cannot be read', async () => {
    const place = new AgentPlace();
    const agent = place.start();
    agent.send({ ...place.spec(), jobId: '../../etc' });
    expect((await agent.heard('hello')).problem).toMatchObject({ code: 'UNET_PROTOCOL' });
    expect(await agent.exited).toBe(3);
  });
});

describe('an agent takes its node away', () => {
  it('when its input ends: no process and no file is left', async () => {
    const place = new AgentPlace();
    const agent = place.start();
    await agent.lead(await place.rehearsal());
    await agent.step('done', 'kubeconfig');
    expect(statSync(place.paths.kubeconfig).mode & 0o777).toBe(0o600);
    expect(place.processes().length).toBeGreaterThan(1);
    agent.endInput();
    expect(await agent.exited).toBe(0);
    expect(agent.said.at(-1)).toEqual({
      type: 'bye',
      node: 'node-0',
      clean: true,
      reason: 'the supervisor is gone: input ended',
      bySignal: false,
    });
    await expectNothingLeft(place);
  });

  it('on SIGTERM during make up', async () => {
    const place = new AgentPlace();
    const agent = place.start({ env: { UNET_REHEARSAL: 'up:delay=60s' } });
    await agent.lead(await place.rehearsal());
    await agent.step('started', 'up');
    // make and its compose client run.
    await until(() => place.processes().length >= 3);
    agent.child.kill('SIGTERM');
    expect(await agent.exited).toBe(0);
    expect(agent.said.at(-1)).toMatchObject({ type: 'bye', clean: true });
    await expectNothingLeft(place);
  });

  it('when the supervisor is silent although its input is open', async () => {
    const place = new AgentPlace();
    const agent = place.start();
    await agent.lead(await place.rehearsal(), { heartbeatMs: 100, silenceMs: 700 });
    expect(await agent.exited).toBe(0);
    expect(agent.said.some(({ type }) => type === 'beat')).toBe(true);
    await expectNothingLeft(place);
  });

  it('when it is told to stop', async () => {
    const place = new AgentPlace();
    const agent = place.start();
    await agent.lead(await place.rehearsal());
    await agent.step('done', 'up');
    agent.send({ type: 'stop', reason: 'unet down' });
    expect(await agent.exited).toBe(0);
    await expectNothingLeft(place);
  });

  it('by another agent after kill -9', async () => {
    const place = new AgentPlace();
    const agent = place.start();
    await agent.lead(await place.rehearsal());
    await agent.step('done', 'boot');
    killGuardian(join(place.root, place.jobId, 'node-0'));
    agent.child.kill('SIGKILL');
    await agent.exited;
    expect(place.processes().length).toBeGreaterThan(0);
    const cleaner = place.start();
    cleaner.send(place.spec({ mode: 'clean' }));
    expect(await cleaner.heard('bye')).toMatchObject({ clean: true });
    expect(await cleaner.exited).toBe(0);
    await expectNothingLeft(place);
  });

  it('by another agent in whichever of several places it was, and not what a cluster of the same name has there', async () => {
    const place = new AgentPlace();
    const agent = place.start();
    await agent.lead(await place.rehearsal());
    await agent.step('done', 'boot');
    const nodeDir = `${join(place.directory, 'tmp')}:${place.nodeDir}`;
    const stranger = place.start();
    stranger.send(place.spec({ mode: 'clean', nodeDir, jobDir: join(place.directory, 'another') }));
    expect(await stranger.heard('bye')).toMatchObject({ clean: true });
    killGuardian(join(place.root, place.jobId, 'node-0'));
    agent.child.kill('SIGKILL');
    await agent.exited;
    expect(place.processes().length).toBeGreaterThan(0);
    expect(existsSync(join(place.root, place.jobId, 'node-0', 'node.json'))).toBe(true);
    const cleaner = place.start();
    cleaner.send(place.spec({ mode: 'clean', nodeDir }));
    expect(await cleaner.heard('bye')).toMatchObject({ clean: true });
    expect(await cleaner.exited).toBe(0);
    await expectNothingLeft(place);
  });

  it('itself, when another one is to clean while it still lives', async () => {
    const place = new AgentPlace();
    const agent = place.start();
    await agent.lead(await place.rehearsal());
    await agent.step('done', 'up');
    const cleaner = place.start();
    cleaner.send(place.spec({ mode: 'clean' }));
    expect(await cleaner.heard('bye')).toMatchObject({ clean: true });
    expect(await agent.exited).toBe(0);
    expect(agent.said.at(-1)).toMatchObject({ type: 'bye', clean: true });
    await expectNothingLeft(place);
  });

  it('and says what is left when that fails', async () => {
    const place = new AgentPlace();
    const agent = place.start({ env: { UNET_REHEARSAL: 'down:fail=always' } });
    await agent.lead(await place.rehearsal());
    await agent.step('done', 'up');
    agent.endInput();
    expect(await agent.exited).toBe(1);
    expect(agent.said.at(-1)).toMatchObject({
      type: 'bye',
      clean: false,
      problem: { code: 'UNET_TEARDOWN_INCOMPLETE', node: 'node-0' },
    });
    expect(existsSync(join(place.root, place.jobId, 'node-0', 'node.json'))).toBe(true);
  });
});

describe('a node directory that is not safe', () => {
  it('because it is a symbolic link of somebody else is refused', async () => {
    const place = new AgentPlace();
    const target = join(place.directory, 'elsewhere');
    mkdirSync(target, { mode: 0o700 });
    symlinkSync(target, place.root);
    const agent = place.start();
    agent.send(place.spec());
    expect((await agent.heard('hello')).problem).toMatchObject({
      code: 'UNET_UNSAFE_PATH',
      node: 'node-0',
      message: expect.stringContaining('symbolic link'),
    });
    agent.endInput();
    await agent.exited;
    expect(readdirSync(target)).toEqual([]);
  });

  it('because everybody can write to it is refused', async () => {
    const place = new AgentPlace();
    mkdirSync(place.root);
    chmodSync(place.root, 0o777);
    const agent = place.start();
    agent.send(place.spec());
    expect((await agent.heard('hello')).problem).toMatchObject({
      code: 'UNET_UNSAFE_PATH',
      message: expect.stringContaining('0777'),
    });
    agent.endInput();
    await agent.exited;
    expect(readdirSync(place.root)).toEqual([]);
  });

  it.skipIf(!isRoot)('because it belongs to somebody else is refused', async () => {
    const place = new AgentPlace();
    mkdirSync(place.root, { mode: 0o700 });
    chownSync(place.root, 54_321, 54_321);
    const agent = place.start();
    agent.send(place.spec());
    expect((await agent.heard('hello')).problem).toMatchObject({
      code: 'UNET_UNSAFE_PATH',
      message: expect.stringContaining('54321'),
    });
    agent.endInput();
    await agent.exited;
    expect(readdirSync(place.root)).toEqual([]);
  });
});

describe('what is said before anything is started', () => {
  it('a missing make', async () => {
    const place = new AgentPlace();
    // The directory of the running Node is on every child's PATH, so make must not be beside it.
    const bin = join(place.directory, 'bin');
    mkdirSync(bin);
    copyFileSync(process.execPath, join(bin, 'node'), constants.COPYFILE_FICLONE);
    const agent = place.start({ node: join(bin, 'node'), env: { PATH: bin } });
    agent.send(place.spec());
    expect((await agent.heard('hello')).problem).toMatchObject({
      code: 'UNET_TOOL_MISSING',
      message: 'make was not found on PATH',
    });
    agent.endInput();
    await agent.exited;
    await expectNothingLeft(place);
  });

  it('a release without the targets', async () => {
    const place = new AgentPlace();
    const source = join(place.directory, 'release');
    mkdirSync(source);
    writeFileSync(join(source, 'Makefile'), 'up:\n\ttrue\n');
    const file = place.paths.release;
    await create({ file, cwd: source, portable: true }, ['.']);
    const content = readFileSync(file);
    const agent = place.start();
    await agent.lead({
      file,
      bytes: content.length,
      sha256: createHash('sha256').update(content).digest('hex'),
    });
    expect((await agent.step('failed', 'stage')).error).toMatchObject({
      code: 'UNET_RELEASE_TARGETS',
      message: expect.stringContaining('kubeadm-init'),
    });
    expect(
      agent.said.some(
        (message) => message.type === 'step' && message.state === 'started' && message.step === 'up',
      ),
    ).toBe(false);
    agent.endInput();
    await agent.exited;
    await expectNothingLeft(place);
  });

  it.skipIf(!isRoot)('a full disk', async (context) => {
    const place = new AgentPlace();
    try {
      execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=128k,mode=700', 'tmpfs', place.nodeDir], {
        stdio: 'ignore',
      });
    } catch {
      context.skip('nothing can be mounted here');
    }
    onTestFinished(() => void execFileSync('umount', ['-l', place.nodeDir]));
    const agent = place.start();
    await agent.lead(await place.rehearsal());
    expect((await agent.step('failed', 'stage')).error).toMatchObject({
      code: 'UNET_DISK_FULL',
      node: 'node-0',
      message: expect.stringContaining(place.root),
    });
    agent.endInput();
    expect(await agent.exited).toBe(0);
    await expectNothingLeft(place);
  });
});
