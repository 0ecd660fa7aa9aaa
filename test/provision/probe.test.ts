import { access, chmod } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { probeRelease } from '../../src/provision/probe.ts';
import { place } from '../files/place.ts';
import { env, makefile, TARGETS, tree } from './releases.ts';

const without = (...names: string[]) => TARGETS.filter((target) => !names.includes(target));
const probe = async (files: Record<string, string>) =>
  probeRelease(await tree(files), { env, timeoutMs: 10_000 });

describe('probing a release', () => {
  test('finds what it offers', async () => {
    const facts = await probe({ Makefile: makefile() });
    expect([...facts.targets].sort()).toEqual([...TARGETS].sort());
    expect(facts).toMatchObject({ cni: 'install-flannel', hasReset: true, hasSyncExternalIp: true });
  });

  test('takes an older one, that cannot reset or address its nodes', async () => {
    const facts = await probe({ Makefile: makefile(without('kubeadm-reset', 'sync-external-ip')) });
    expect(facts).toMatchObject({ hasReset: false, hasSyncExternalIp: false });
  });

  test('takes a newer one, that installs any CNI', async () => {
    const facts = await probe({ Makefile: makefile([...without('install-flannel'), 'install-cni']) });
    expect(facts.cni).toBe('install-cni');
  });

  test('sees targets that are included, computed or without a recipe of their own', async () => {
    const facts = await probe({
      Makefile: `include more.mk\nNAMES := down-v kubeconfig\n$(NAMES):\n\techo $@\nkubeadm-join: up\n`,
      'more.mk': makefile(without('down-v', 'kubeconfig', 'kubeadm-join')),
    });
    expect([...facts.targets].sort()).toEqual([...TARGETS].sort());
  });

  test('does not take comments, names that are only phony, variables or files for targets', async () => {
    const text = `${makefile(without('up', 'down-v', 'kubeconfig', 'join-command'))}
# up: in a comment
.PHONY: up
down-v := a variable
define TEXT
# Files

join-command:
#  recipe to execute
endef
`;
    await expect(probe({ Makefile: text, kubeconfig: 'a file' })).rejects.toMatchObject({
      code: 'UNET_RELEASE_TARGETS',
      message: expect.stringMatching(/lacks the make targets: up, down-v, kubeconfig, join-command$/),
    });
  });

  test('names all that is missing', async () => {
    await expect(
      probe({ Makefile: makefile(without('install-flannel', 'kubeadm-join')) }),
    ).rejects.toMatchObject({
      code: 'UNET_RELEASE_TARGETS',
      message: expect.stringContaining('kubeadm-join, install-flannel or install-cni'),
      fatal: true,
    });
  });

  test('runs no recipe, not even of the default goal with $(MAKE) in it', async () => {
    const directory = await tree({
      Makefile: `help:\n\ttouch ran; $(MAKE) other\nother:\n\ttouch ran\n${makefile()}`,
    });
    await probeRelease(directory, { env, timeoutMs: 10_000 });
    await expect(access(join(directory, 'ran'))).rejects.toMatchObject({ code: 'ENOENT' });
  });

  test('takes what a computed variable prints to stderr, or its failure, for no failure of the release', async () => {
    await probe({ Makefile: `export HOST_IP ?= $(shell no-such-tool-here)\n${makefile()}` });
  });

  test('says that there is no Makefile', async () => {
    await expect(probe({ README: '' })).rejects.toMatchObject({
      code: 'UNET_RELEASE_INVALID',
      message: expect.stringContaining('it has no Makefile'),
    });
  });

  test('shows what make says of a Makefile that it cannot read', async () => {
    await expect(probe({ Makefile: 'this is not\n' })).rejects.toMatchObject({
      code: 'UNET_RELEASE_INVALID',
      details: { tail: [expect.stringContaining('missing separator')] },
    });
  });

  test('says that make is missing', async () => {
    const nowhere = await place();
    await chmod(nowhere, 0o755);
    const probing = probeRelease(await tree(), { env: { ...env, PATH: nowhere }, timeoutMs: 10_000 });
    await expect(probing).rejects.toMatchObject({
      code: 'UNET_TOOL_MISSING',
      message: expect.stringContaining('make'),
    });
  });

  test('does not wait for ever for a release that computes for ever', async () => {
    const directory = await tree({ Makefile: `X := $(shell sleep 60)\n${makefile()}` });
    await expect(probeRelease(directory, { env, timeoutMs: 200 })).rejects.toMatchObject({
      code: 'UNET_RELEASE_INVALID',
      message: expect.stringContaining('took longer than 0.2 s'),
    });
  });

  test('can be interrupted', async () => {
    const directory = await tree({ Makefile: `X := $(shell sleep 60)\n${makefile()}` });
    const controller = new AbortController();
    const probing = probeRelease(directory, { env, timeoutMs: 60_000, signal: controller.signal });
    setImmediate(() => controller.abort(new Error('enough')));
    await expect(probing).rejects.toThrow('enough');
  });

  test('works for the rehearsal release', async () => {
    const directory = new URL('../../src/rehearsal/release', import.meta.url).pathname;
    expect(await probeRelease(directory, { env, timeoutMs: 10_000 })).toMatchObject({
      hasReset: true,
      hasSyncExternalIp: true,
    });
  });
});
