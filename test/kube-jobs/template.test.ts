/** The rules of OpenShift's templates, each as documented: "Using templates", "Writing template parameters". */
// biome-ignore-all lint/suspicious/noTemplateCurlyInString: that is what templates are made of
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parse, stringify } from 'yaml';
import type { JsonObject } from '../../src/kube-jobs/object.ts';
import { generate } from '../../src/kube-jobs/template/expression.ts';
import { processTemplate } from '../../src/kube-jobs/template/process.ts';
import { readTemplate } from '../../src/kube-jobs/template/template.ts';

const config = (data: JsonObject, metadata: JsonObject = {}): JsonObject => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name: 'web', ...metadata },
  data,
});

function template(objects: JsonObject[], parameters: JsonObject[] = [], more: JsonObject = {}) {
  const value = {
    apiVersion: 'template.openshift.io/v1',
    kind: 'Template',
    metadata: { name: 'demo' },
    objects,
    parameters,
    ...more,
  };
  return readTemplate(value, 'demo.yaml');
}

function process(
  objects: JsonObject[],
  parameters: JsonObject[] = [],
  overrides: Record<string, string> = {},
  more: JsonObject = {},
) {
  return processTemplate(template(objects, parameters, more), overrides).list;
}

const data = (value: string, parameters: JsonObject[], overrides: Record<string, string> = {}) =>
  process([config({ value })], parameters, overrides).items.map((item) => (item.data as JsonObject).value)[0];

describe('references', () => {
  const P = [{ name: 'P', value: '5' }];

  it('puts a value inside a string, as often as it stands there', () => {
    expect(data('http://${P}${P}.example:${P}', P)).toBe('http://55.example:5');
  });

  it.each([
    ['5', 5],
    ['true', true],
    ['null', null],
    ['{"a":[1]}', { a: [1] }],
    ['[1,2]', [1, 2]],
    ['"quoted"', 'quoted'],
    ['text', 'text'],
    ['', ''],
  ])('makes of a whole value the JSON that it is, else a string: %s', (value, expected) => {
    expect(data('${{P}}', [{ name: 'P', value }])).toEqual(expected);
  });

  it('takes ${{P}} with something around it for a string, of which the reference stays', () => {
    expect(data('a${{P}}', P)).toBe('a${{P}}');
  });

  it('keeps unknown names, and what is no name', () => {
    expect(data('${Q} ${{Q}} ${P-x} $P {P} ${}', P)).toBe('${Q} ${{Q}} ${P-x} $P {P} ${}');
    expect(data('${{Q}}', P)).toBe('${{Q}}');
  });

  it('looks at a value once, also where it looks like a reference', () => {
    expect(
      data('${A}${B}', [
        { name: 'A', value: '${B}' },
        { name: 'B', value: '${A}' },
      ]),
    ).toBe('${B}${A}');
  });

  it('replaces in keys, and refuses two that become one', () => {
    const list = process([config({ '${P}': 'x' })], P);
    expect(list.items[0]?.data).toEqual({ '5': 'x' });
    expect(() => process([config({ '${P}': 'x', '5': 'y' })], P)).toThrow('two keys of one map become "5"');
  });

  it('refuses a number that JavaScript cannot carry', () => {
    expect(() => data('${{P}}', [{ name: 'P', value: '12345678901234567890' }])).toThrow('too large');
    expect(data('${P}', [{ name: 'P', value: '12345678901234567890' }])).toBe('12345678901234567890');
  });
});

describe('parameters', () => {
  it('takes the override before the value, and the value before a generated one', () => {
    const parameter = { name: 'P', value: 'own', generate: 'expression', from: '[a]{3}' };
    expect(data('${P}', [parameter], { P: 'other' })).toBe('other');
    expect(data('${P}', [parameter])).toBe('own');
    expect(data('${P}', [{ ...parameter, value: '' }])).toBe('aaa');
  });

  it('does not generate for an override with nothing in it', () => {
    expect(data('${P}', [{ name: 'P', generate: 'expression', from: '[a]{3}' }], { P: '' })).toBe('');
  });

  it('lists all that are required and empty, and all that are unknown, with the nearest name', () => {
    const parameters = [
      { name: 'DOMAIN', required: true },
      { name: 'OTHER', required: true, value: 'x' },
      { name: 'TOKEN', required: true },
    ];
    const make = () => process([config({})], parameters, { OTHER: '', DOMIAN: 'x', Z: '' });
    expect(make).toThrow(
      [
        'template demo has no parameter DOMIAN; did you mean DOMAIN?',
        'template demo has no parameter Z',
        'template demo needs a value for DOMAIN, OTHER, TOKEN',
      ].join('\n'),
    );
  });

  it('leaves unknown overrides out where that is asked for', () => {
    const { list } = processTemplate(template([config({})]), { Z: '1' }, { ignoreUnknown: true });
    expect(list.items).toHaveLength(1);
  });

  it('refuses names that are not [A-Za-z0-9_]+, names that are there twice, and other generators', () => {
    expect(() => template([], [{ name: 'a-b' }])).toThrow('demo.yaml: parameters[0].name: is not made of');
    expect(() => template([], [{ name: 'A' }, { name: 'A' }])).toThrow('parameters: A is there twice');
    expect(() => process([], [{ name: 'A', generate: 'uuid' }])).toThrow('there is no generator "uuid"');
  });
});

describe('expressions', () => {
  it.each([
    ['[\\w]{200}', /^[a-zA-Z0-9_]{200}$/],
    ['[\\d]{200}', /^[0-9]{200}$/],
    ['[\\a]{200}', /^[a-zA-Z]{200}$/],
    ['[\\A]{200}', /^[~!@#$%^&*()\-_+={}[\]\\|<,>.?/"';:`]{200}$/],
    ['[a-c]{100}', /^[abc]{100}$/],
    ['[A-Z0-9]{8}', /^[A-Z0-9]{8}$/],
    ['[az]{50}', /^[az]{50}$/],
    ['test[0-9]{1}x', /^test\dx$/],
    ['0x[A-F0-9]{4}', /^0x[A-F0-9]{4}$/],
    ['[a]{2}-[b]{2}', /^aa-bb$/],
    ['[a]', /^\[a\]$/],
    ['plain', /^plain$/],
  ])('%s', (from, expected) => {
    expect(generate(from)).toMatch(expected);
  });

  it('reaches both ends of a range', () => {
    expect(generate('[b-y]{1}', () => 0)).toBe('b');
    expect(generate('[b-y]{1}', (below) => below - 1)).toBe('y');
  });

  it.each(['[a]{0}', '[a]{256}', '[z-a]{3}', '[\\x]{3}', '[a-]{3}', '[a-Z]{3}'])('refuses %s', (from) => {
    expect(() => generate(from)).toThrow('[');
  });

  it('takes the lengths 1 and 255', () => {
    expect(generate('[a]{1}')).toHaveLength(1);
    expect(generate('[a]{255}')).toHaveLength(255);
  });
});

describe('objects', () => {
  it('are one v1 List, in the order of the template', () => {
    const list = process([config({}, { name: 'b' }), config({}, { name: 'a' })]);
    expect(list).toMatchObject({ apiVersion: 'v1', kind: 'List' });
    expect(list.items.map(({ metadata }) => metadata.name)).toEqual(['b', 'a']);
  });

  it('get the template’s labels, with parameters in them, which win', () => {
    const [item] = process(
      [config({}, { labels: { app: 'old', own: 'x' } })],
      [{ name: 'P', value: 'web' }],
      {},
      { labels: { app: '${P}', '${P}': 'y' } },
    ).items;
    expect(item?.metadata.labels).toEqual({ app: 'web', own: 'x', web: 'y' });
  });

  it('lose a namespace unless it holds a parameter', () => {
    const [fixed, chosen] = process(
      [config({}, { namespace: 'theirs' }), config({}, { namespace: 'team-${P}' })],
      [{ name: 'P', value: '1' }],
    ).items;
    expect(fixed?.metadata).toEqual({ name: 'web' });
    expect(chosen?.metadata.namespace).toBe('team-1');
  });

  it('have a message for the user, with the values in it', () => {
    const value = template([], [{ name: 'P', value: 'x' }], { message: 'see ${P} and ${Q}' });
    expect(processTemplate(value, {}).message).toBe('see x and ${Q}');
  });

  it('are refused with their path where they are none', () => {
    expect(() => process([{ apiVersion: 'v1', kind: 'Pod', metadata: {} }])).toThrow(
      'template demo: objects[0].metadata.name: is missing',
    );
    expect(() => process([{ kind: 'Pod', metadata: { name: 3 } }])).toThrow(
      'template demo: objects[0].apiVersion: is missing\ntemplate demo: objects[0].metadata.name: is not a string',
    );
  });
});

describe('whatever the values', () => {
  const anyText = fc.oneof(
    fc.string({ unit: 'grapheme' }),
    fc.constantFrom(
      '${A}',
      '${{B}}',
      '${B}',
      ': {',
      '- x',
      '"',
      "'",
      '\n---\n',
      '__proto__',
      '#',
      '&a *a',
      '\u2028',
    ),
  );

  it('the result is YAML that reads back as itself, and no value is parsed as a template again', () => {
    fc.assert(
      fc.property(anyText, anyText, (a, b) => {
        const list = process(
          [config({ both: '<${A}|${B}>', key: '${A}' })],
          [{ name: 'A', required: false }, { name: 'B' }],
          { A: a, B: b },
        );
        expect(parse(stringify(list))).toEqual(list);
        expect(list.items[0]?.data).toEqual({ both: `<${a}|${b}>`, key: a });
      }),
    );
  });

  it('a whole value is what its JSON says, or the text', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        fc.pre(!(typeof value === 'number' && Math.abs(value) > Number.MAX_SAFE_INTEGER));
        const text = JSON.stringify(value);
        expect(data('${{P}}', [{ name: 'P', value: text }])).toEqual(JSON.parse(text));
      }),
    );
  });
});
