import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import type { NodeContext } from '../../src/node/context.ts';
import { warnOfOtherVersion } from '../../src/node/image-version.ts';
import { program, scratch } from '../process/scratch.ts';

/** What is said when kubeadm in the node is of this version, and the release's image of 1.34.2. */
async function said(kubeadm: string, image?: string): Promise<unknown[]> {
  const stage = scratch();
  writeFileSync(join(stage, 'Dockerfile'), 'FROM docker.io/kindest/node:v1.34.2\n');
  const messages: unknown[] = [];
  const context = {
    spec: { container: { image }, stepTimeouts: { images: 30_000 } },
    record: { stage },
    releaseSha256: 'none',
    nodeEngine: { compose: [program(stage, 'compose', `#!/bin/sh\necho ${kubeadm}\n`)] },
    environment: () => ({ PATH: process.env.PATH }),
    send: (message: unknown) => messages.push(message),
  } as unknown as NodeContext;
  const log = { path: '', line: () => {}, close: () => {} };
  await warnOfOtherVersion(context, log, new AbortController().signal);
  return messages;
}

it('an image with another Kubernetes than the release’s is warned of', async () => {
  expect(await said('v1.35.0', 'localhost/node:1')).toEqual([
    {
      type: 'warning',
      message:
        "the image localhost/node:1 has kubeadm v1.35.0, and the release's configuration is for Kubernetes v1.34.2: kubeadm may refuse it",
    },
  ]);
});

it('one of the same minor version is not, nor one that the release built', async () => {
  expect(await said('v1.34.9', 'localhost/node:1')).toEqual([]);
  expect(await said('v1.35.0')).toEqual([]);
});
