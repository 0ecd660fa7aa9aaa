import { spawnSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import { readDocuments } from '../../src/kube-jobs/documents.ts';
import { inOrder } from '../../src/kube-jobs/jobs/order.ts';
import { newJobId } from '../../src/kube-jobs/jobs/ownership.ts';

const ODD = `apiVersion: v1
kind: ConfigMap
metadata: {name: x}
x: [y, yes, on, 0644, 2001-12-14, 1:30, 1_000, 1e3, ~, .5, 0x1f, "0644"]
<<: {z: 1}
`;
const kubectl = spawnSync('kubectl', ['label', '--local', '-f', '-', '-o', 'json', 'a=b'], {
  input: ODD,
  encoding: 'utf8',
});
if (kubectl.status !== 0) console.log('skipped: YAML as kubectl reads it (kubectl is not on PATH)');

describe('documents', () => {
  it.skipIf(kubectl.status !== 0)('are read as kubectl reads them', () => {
    const [ours] = readDocuments(ODD, 'odd.yaml');
    const { metadata: _theirs, ...theirs } = JSON.parse(kubectl.stdout);
    const { metadata: _ours, ...rest } = ours ?? {};
    expect(rest).toEqual(theirs);
  });

  it('are taken out of lists, and empty ones left out', () => {
    const text =
      '---\n---\napiVersion: v1\nkind: List\nitems:\n- {kind: A}\n- {kind: BList, items: [{kind: B}]}\n---\nkind: C\n';
    expect(readDocuments(text, 'f').map(({ kind }) => kind)).toEqual(['A', 'B', 'C']);
  });

  it.each([
    ['a: [', 'f.yaml:1: '],
    ['just text', 'f.yaml: is not a map'],
    ['ok: 1\n---\nb: {', 'f.yaml:3: '],
  ])('that are none have an error with their place: %j', (text, said) => {
    expect(() => readDocuments(text, 'f.yaml')).toThrow(said);
  });

  it('cannot be a bomb of aliases', () => {
    const lines = [
      'a: &a [x,x,x,x,x,x,x,x,x]',
      ...'bcdefghi'.split('').map((n, i) => `${n}: &${n} [${Array(9).fill(`*${'abcdefgh'[i]}`).join(',')}]`),
    ];
    expect(() => readDocuments(lines.join('\n'), 'bomb.yaml')).toThrow('bomb.yaml: ');
  });
});

it('kinds are made in an order in which each finds what it needs, and others keep theirs', () => {
  const kinds = ['Route', 'Deployment', 'Custom', 'Service', 'Secret', 'Namespace', 'Other'].map((kind) => ({
    kind,
  }));
  expect(inOrder(kinds).map(({ kind }) => kind)).toEqual([
    'Namespace',
    'Secret',
    'Service',
    'Deployment',
    'Route',
    'Custom',
    'Other',
  ]);
});

it.each(['nginx-template', './a/My Chart.yaml', '../', 'x'.repeat(300)])(
  'the id of a job of %s fits a label',
  (template) => {
    expect(newJobId(template)).toMatch(/^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/);
  },
);
