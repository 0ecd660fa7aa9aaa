import { describe, expect, it } from 'vitest';
import { fluxEnvironment } from '../../src/flux/flux.ts';
import { getValue, listValues, putValue, removeValue } from '../../src/flux/kvs.ts';
import { scratch } from '../process/scratch.ts';
import { type Answers, calls, fakeFlux, recorded } from './fake-flux.ts';

function instance(answers: Answers = {}) {
  const directory = scratch();
  const PATH = fakeFlux(directory, answers);
  return { directory, options: { env: { ...fluxEnvironment({ FLUX_URI: 'local:///x' }), PATH } } };
}

describe('a value in the KVS', () => {
  it('comes out as it went in, is listed, is replaced, and goes', async () => {
    const { options } = instance();
    await putValue('unet.a-1', '{"text":"it\'s = -"}\n', options);
    await putValue('unet.b-2', 'b', options);
    expect(await getValue('unet.a-1', options)).toBe('{"text":"it\'s = -"}\n');
    expect(await listValues('unet', options)).toEqual(['a-1', 'b-2']);
    await putValue('unet.a-1', 'other', options);
    expect(await getValue('unet.a-1', options)).toBe('other');
    await removeValue('unet.a-1', options);
    await removeValue('unet.a-1', options);
    expect(await getValue('unet.a-1', options)).toBeUndefined();
    expect(await listValues('unet', options)).toEqual(['b-2']);
    expect(await listValues('nope', options)).toEqual([]);
  });

  it('is never on a command line', async () => {
    const { directory, options } = instance();
    await putValue('unet.a', 'secretive', options);
    expect(calls(directory).join('\n')).not.toContain('secretive');
  });

  it('that is missing is told from a KVS that does not answer', async () => {
    const missing = instance({
      before: `[ "$1" = kvs ] && { cat >&2 <<'END'\n${recorded('kvs-get-missing.stderr')}END\nexit 1; }`,
    });
    expect(await getValue('unet.nope', missing.options)).toBeUndefined();
    const { options } = instance({
      before: '[ "$1" = kvs ] && { echo "flux-kvs: unet.a: Operation not permitted" >&2; exit 1; }',
    });
    await expect(getValue('unet.a', options)).rejects.toThrow('Operation not permitted');
    await expect(putValue('unet.a', 'x', options)).rejects.toThrow('Operation not permitted');
    await expect(removeValue('unet.a', options)).rejects.toThrow('Operation not permitted');
  });
});
