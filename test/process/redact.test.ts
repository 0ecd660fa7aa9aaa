import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { createLineRedactor, redact } from '../../src/process/redact.ts';

const TOKEN = 'vyndqi.xb2dq6qyi3l0sxqp';
const KEY = [
  '-----BEGIN RSA PRIVATE KEY-----',
  'MIIEowIBAAKCAQEA1234',
  'abcd==',
  '-----END RSA PRIVATE KEY-----',
];

function recorded(name: string): string {
  return readFileSync(new URL(`../../fixtures/usernetes/${name}`, import.meta.url), 'utf8');
}

describe('redaction', () => {
  it.each([
    'kubeadm-join.stdout',
    'join-command.txt',
    'kubeadm-join-again.stdout',
    'kubeadm-join-wrong-ca-hash.stdout',
  ])('takes the bootstrap token out of the recorded %s, and nothing else', (name) => {
    const text = recorded(name);
    const [, secret = ''] = TOKEN.split('.');
    expect(text).toContain(secret);
    expect(redact(text)).toBe(text.replaceAll(TOKEN, 'vyndqi.[secret]'));
  });

  it('finds a token beside any other character', () => {
    for (const beside of ['_', '=', '"', "'", ':', '(', '/']) {
      expect(redact(`${beside}${TOKEN}${beside}`)).not.toContain('xb2dq6qyi3l0sxqp');
    }
  });

  it("takes the admin's key out of a kubeconfig, as YAML and as JSON", () => {
    expect(redact('    client-key-data: LS0tLS1CRUdJTg==\n    other: x')).toBe(
      '    client-key-data: [secret]\n    other: x',
    );
    expect(redact('{"client-key-data":"LS0tLS1CRUdJTg==","x":1}')).toBe(
      '{"client-key-data":"[secret]","x":1}',
    );
  });

  it('takes a private key out, also where it comes line by line', () => {
    expect(redact(`a\n${KEY.join('\n')}\nb`)).toBe('a\n[secret key]\nb');
    const line = createLineRedactor();
    const lines = ['before', ...KEY, 'after'].map(line);
    expect(lines.join('\n')).not.toMatch(/MIIE|abcd/);
    expect(lines.at(0)).toBe('before');
    expect(lines.at(-1)).toBe('after');
  });

  it('leaves host names and versions alone', () => {
    const text = 'registry.k8s.io/kube-proxy:v1.34.2 on compute.cluster.example.org';
    expect(redact(text)).toBe(text);
  });
});
