/** A directory with a kustomization in it: kubectl's own kustomize does the work. */
import { basename, resolve } from 'node:path';
import which from 'which';
import { UnetError } from '../../errors.ts';
import { childEnvironment, searchPath } from '../../process/environment.ts';
import { runOk, toolMissing } from '../../process/run.ts';
import { readDocuments } from '../documents.ts';
import { type KubeObject, readObject } from '../object.ts';
import { refuseOverrides } from './documents-source.ts';
import type { TemplateSource } from './source.ts';

const NAMES = ['kustomization.yaml', 'kustomization.yml', 'Kustomization'];
const TIMEOUT_MS = 60_000;

export function isKustomization(names: readonly string[]): boolean {
  return NAMES.some((name) => names.includes(name));
}

export function kustomizationSource(path: string): TemplateSource {
  const name = basename(resolve(path));
  const build = (how: { env: NodeJS.ProcessEnv; signal: AbortSignal }) => buildKustomization(path, how);
  return {
    name,
    form: 'kustomization',
    from: path,
    parameters: async () => [],
    render: async ({ overrides, ignoreUnknown, env, signal }) => {
      refuseOverrides(name, overrides, ignoreUnknown);
      const items = await build({ env, signal });
      return { list: { apiVersion: 'v1', kind: 'List', items }, message: undefined };
    },
    raw: async () => {
      const items = await build({ env: process.env, signal: AbortSignal.timeout(TIMEOUT_MS) });
      return { apiVersion: 'v1', kind: 'List', items };
    },
  };
}

async function buildKustomization(
  path: string,
  { env, signal }: { env: NodeJS.ProcessEnv; signal: AbortSignal },
): Promise<KubeObject[]> {
  const has = (name: string) => which.sync(name, { path: searchPath(env), nothrow: true }) !== null;
  if (!has('kubectl') && !has('kustomize')) {
    throw toolMissing('kubectl', 'was not found on PATH, nor was kustomize');
  }
  const argv = has('kubectl') ? ['kubectl', 'kustomize', path] : ['kustomize', 'build', path];
  const { stdout } = await runOk(argv, { env: childEnvironment(env), timeoutMs: TIMEOUT_MS, signal }).catch(
    (error: unknown) => {
      const said = UnetError.is(error) ? error : UnetError.from(error);
      throw said.code === 'UNET_STEP_FAILED'
        ? new UnetError('UNET_TEMPLATE_INVALID', `${path}: ${said.message}`, said.details)
        : said;
    },
  );
  return readDocuments(stdout, path).map((document, index) => readObject(document, path, [index]));
}
