/** What a job can be made from, wherever it comes from: an OpenShift template, manifests, a kustomization, a chart. */
import type { Override } from '../jobspec/jobspec.ts';
import type { JsonObject } from '../object.ts';
import type { Processed } from '../template/process.ts';
import type { Parameter } from '../template/template.ts';

export type RenderOptions = {
  overrides: Readonly<Record<string, Override>>;
  ignoreUnknown: boolean;
  /** Where the objects are to be; a chart may use it. */
  namespace: string;
  /** A name of this job's own; a chart's release has it. */
  release: string;
  env: NodeJS.ProcessEnv;
  signal: AbortSignal;
};

export type TemplateSource = {
  name: string;
  form: 'template' | 'manifests' | 'kustomization' | 'chart';
  /** Where it was found, for people: a path, `ConfigMap demo/web`. */
  from: string;
  parameters: (how: { env: NodeJS.ProcessEnv; signal: AbortSignal }) => Promise<Parameter[]>;
  /** @throws UnetError UNET_TEMPLATE_PARAMETERS, UNET_TEMPLATE_INVALID, UNET_TOOL_MISSING */
  render: (options: RenderOptions) => Promise<Processed>;
  /** It as it stands, to be shown. */
  raw: () => Promise<JsonObject>;
};
