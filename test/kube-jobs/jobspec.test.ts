import { describe, expect, it } from 'vitest';
import { parseFluxDuration } from '../../src/kube-jobs/jobspec/duration.ts';
import { readJobspec } from '../../src/kube-jobs/jobspec/jobspec.ts';

/** The example of the Flux-Kube unified interface. */
const EXAMPLE = `version: 1
resources:
  - type: slot
    count: 1
    label: default
    with:
      - type: core
        count: 1
tasks:
  - command: [ "nginx-template" ]
    slot: default
    count:
      per_slot: 1
attributes:
  system:
    duration: 120
    cwd: "/home/flux"
    flux-kube: 1
    exec:
      test: {}
    template_overrides:
      APPLICATION_DOMAIN: nginxtest-user.apps.domain.com
`;

const read = (text: string) => readJobspec(text, 'job.yaml');
const wrong = (from: string, to: string) => {
  const text = EXAMPLE.replace(from, to);
  expect(text).not.toBe(EXAMPLE);
  try {
    read(text);
  } catch (error) {
    return (error as Error).message.split('\n');
  }
  return [];
};

describe('a jobspec', () => {
  it('says template, overrides and walltime', () => {
    expect(read(EXAMPLE)).toMatchObject({
      template: 'nginx-template',
      overrides: { APPLICATION_DOMAIN: { text: 'nginxtest-user.apps.domain.com' } },
      durationMs: 120_000,
      ignoreUnknown: false,
      logs: true,
    });
  });

  it('may be JSON, and may be wrapped', () => {
    const text = '{"tasks":[{"command":["x"]}],"attributes":{"system":{"flux-kube":1}}}';
    expect(read(text)).toMatchObject({ template: 'x', overrides: {}, durationMs: undefined });
    expect(read(`{"jobspec":${text}}`).template).toBe('x');
  });

  it('keeps numbers and booleans as they were written', () => {
    const text = EXAMPLE.replace(
      'nginxtest-user.apps.domain.com',
      '1.10\n      PORT: 0x1F\n      ON: TRUE\n      MAP: {a: [1]}',
    );
    const { overrides } = read(text);
    expect(Object.entries(overrides).map(([name, { text }]) => [name, text])).toEqual([
      ['APPLICATION_DOMAIN', '1.10'],
      ['PORT', '0x1F'],
      ['ON', 'TRUE'],
      ['MAP', '{"a":[1]}'],
    ]);
    expect(overrides.MAP?.value).toEqual({ a: [1] });
  });

  it('takes NAME=VALUE behind the template', () => {
    expect(read(EXAMPLE.replace('"nginx-template"', '"nginx-template", "A=b=c"')).overrides.A).toEqual({
      text: 'b=c',
      value: 'b=c',
    });
  });

  it('says where the objects are to be, and what is to become of them', () => {
    const text = EXAMPLE.replace(
      '    flux-kube: 1',
      '    flux-kube: 1\n    kube: {namespace: demo, logs: false, ignore-unknown-parameters: true}',
    );
    expect(read(text)).toMatchObject({ namespace: 'demo', logs: false, ignoreUnknown: true });
  });
});

describe('each violation is an error of its own, with its line and path', () => {
  it.each([
    ['version: 1', 'version: 2', 'job.yaml:1: version: is not 1'],
    ['[ "nginx-template" ]', '[]', 'job.yaml:10: tasks[0].command: is empty: its first word is the template'],
    [
      '[ "nginx-template" ]',
      '[ "x", "y" ]',
      'job.yaml:10: tasks[0].command[1]: "y" is not NAME=VALUE, a parameter of the template',
    ],
    ['[ "nginx-template" ]', '[ 3 ]', 'job.yaml:10: tasks[0].command[0]: is not a string'],
    [
      'slot: default\n',
      'slot: defualt\n',
      'job.yaml:11: tasks[0].slot: no slot is called "defualt"; did you mean default?',
    ],
    ['flux-kube: 1', 'flux-kube: 0', 'job.yaml:18: attributes.system.flux-kube: is not 1'],
    ['    flux-kube: 1\n', '', 'job.yaml:16: attributes.system.flux-kube: is not 1'],
    [
      'duration: 120',
      'duration: soon',
      'job.yaml:16: attributes.system.duration: "soon" is not a duration: seconds, or with ms, s, m, h or d',
    ],
    ['count: 1\n    label', 'count: 0\n    label', 'job.yaml:4: resources[0].count: is not positive'],
    [
      'attributes:',
      'atributes: {}\nattributes:',
      'job.yaml:14: atributes: there is no such key; did you mean attributes?',
    ],
    [
      'flux-kube: 1',
      'flux-kube: 1\n    kube: {name: x}',
      'job.yaml:19: attributes.system.kube.name: there is no such key; did you mean namespace?',
    ],
  ])('%s → %s', (from, to, expected) => {
    expect(wrong(from, to)).toEqual([expected]);
  });

  it('all of them at once', () => {
    const lines = wrong('version: 1', 'version: 2\nextra: 1').concat();
    expect(lines).toEqual(['job.yaml:1: version: is not 1', 'job.yaml:2: extra: there is no such key']);
  });

  it('several tasks are refused', () => {
    const [line] = wrong('attributes:', '  - command: [b]\nattributes:');
    expect(line).toBe('job.yaml:10: tasks: has more than one task: a job is one template');
  });

  it.each([
    ['', 'job.yaml: is not a jobspec'],
    ['- a', 'job.yaml: is not a jobspec'],
    ['{"a": ', 'job.yaml:1: '],
    ['a: b\n  c: d', 'job.yaml:'],
  ])('what is none: %j', (text, expected) => {
    expect(() => read(text)).toThrow(expected);
  });
});

describe('a duration', () => {
  it.each([
    [120, 120_000],
    [0.5, 500],
    ['2m', 120_000],
    ['1.5h', 5_400_000],
    ['250ms', 250],
    ['1d', 86_400_000],
    [0, undefined],
    ['infinity', undefined],
  ])('%s', (text, ms) => {
    expect(parseFluxDuration(text)).toEqual({ ms });
  });

  it.each(['', '-1', 'x', '1w', '1 h x', -3])('is not %s', (text) => {
    expect(parseFluxDuration(text)).toBeUndefined();
  });
});
