import { readFileSync } from 'node:fs';
import type { V1Node } from '@kubernetes/client-node';
import { describe, expect, it } from 'vitest';
import { addressing } from '../../src/kubernetes/nodes.ts';
import { serverUrl } from '../../src/kubernetes/server-url.ts';
import { withServer } from '../../src/kubernetes/with-server.ts';

function recordedNodes(name: string): V1Node[] {
  return JSON.parse(
    readFileSync(new URL(`../../fixtures/usernetes/kubernetes/${name}`, import.meta.url), 'utf8'),
  ).items as V1Node[];
}

describe('what a node lacks to be addressed', () => {
  it('is all of it after its join, and nothing on a lead whose init has seen to it', () => {
    const [lead, worker] = recordedNodes('nodes-before-sync.json');
    expect(lead && addressing(lead)).toBeUndefined();
    expect(worker && addressing(worker)).toEqual({
      hostIp: '10.77.0.11',
      status: true,
      metadata: true,
      taint: true,
    });
  });

  it('is nothing when it is ready', () => {
    expect(recordedNodes('nodes-ready.json').map(addressing)).toEqual([undefined, undefined]);
  });

  it('cannot be said without the label of its host', () => {
    expect(addressing({ metadata: { name: 'n', labels: {} } })).toBeUndefined();
  });
});

describe('the kubeconfig', () => {
  const text = `apiVersion: v1\nkind: Config\nclusters:\n- cluster:\n    certificate-authority-data: UkVEQUNURUQ=\n    server: https://127.0.0.1:6443\n  name: kubernetes\nusers:\n- name: kubernetes-admin\n  user:\n    client-key-data: UkVEQUNURUQ=\n`;

  it('gets a server that works from every node, and keeps the rest', () => {
    const changed = withServer(text.replaceAll('\n', '\r\n'), { address: '10.77.0.10', port: 20_013 });
    expect(changed).toContain('server: https://10.77.0.10:20013\n');
    expect(changed).toContain('client-key-data: UkVEQUNURUQ=');
    expect(changed).not.toContain('127.0.0.1');
  });

  it('that is none is refused without its text: it may hold the key', () => {
    for (const broken of ['', 'clusters: []', '{"client-key-data": "S0VZ"', 'client-key-data: S0VZ']) {
      expect(() => withServer(broken, { address: '10.77.0.10', port: 6443 })).toThrow(
        expect.objectContaining({ code: 'UNET_STEP_FAILED', message: expect.not.stringContaining('S0VZ') }),
      );
    }
  });

  it('has an IPv6 address in brackets', () => {
    expect(serverUrl({ address: 'fd00::1', port: 6443 })).toBe('https://[fd00::1]:6443');
  });
});
