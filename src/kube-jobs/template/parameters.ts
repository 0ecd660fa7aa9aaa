/** What each parameter of a template is worth for one job. */
import { didYouMean } from '../../config/suggest.ts';
import { errorMessage, UnetError } from '../../errors.ts';
import { generate } from './expression.ts';
import type { Parameter } from './template.ts';

export type ParameterValues = ReadonlyMap<string, string>;
/** As users give them: text, or what YAML made of it. */
export type Overrides = Readonly<Record<string, string>>;

/**
 * The value of every parameter: the override, else the template's own, else a generated one. An override with no text in it
 * replaces the generated value too, as with `oc process -p NAME=`.
 *
 * @throws UnetError UNET_TEMPLATE_PARAMETERS that lists all unknown overrides and all required parameters without a value;
 *   UNET_TEMPLATE_INVALID for a generator that there is not, or a bad expression
 */
export function resolveParameters(
  parameters: readonly Parameter[],
  overrides: Overrides,
  { template, ignoreUnknown }: { template: string; ignoreUnknown: boolean },
): ParameterValues {
  const unknown = ignoreUnknown
    ? []
    : unknownOverrides(
        parameters.map(({ name }) => name),
        overrides,
        template,
      );
  const values = new Map(
    parameters.map((parameter) => [parameter.name, parameterValue(parameter, overrides, template)]),
  );
  const missing = parameters
    .filter(({ name, required }) => required && values.get(name) === '')
    .map(({ name }) => name);
  const complaints = [
    ...unknown,
    ...(missing.length === 0 ? [] : [`template ${template} needs a value for ${missing.join(', ')}`]),
  ];
  if (complaints.length > 0) {
    throw new UnetError('UNET_TEMPLATE_PARAMETERS', complaints.join('\n'), {
      remedy: `"unet kube get template_params ${template}" lists its parameters; values go to attributes.system.template_overrides, or to -o`,
    });
  }
  return values;
}

/** A line for each name that the template does not have. */
export function unknownOverrides(
  known: readonly string[],
  overrides: Readonly<Record<string, unknown>>,
  template: string,
): string[] {
  return Object.keys(overrides)
    .filter((name) => !known.includes(name))
    .map((name) => `template ${template} has no parameter ${name}${didYouMean(name, known)}`);
}

function parameterValue(parameter: Parameter, overrides: Overrides, template: string): string {
  const { name, value, from } = parameter;
  if (Object.hasOwn(overrides, name)) {
    return overrides[name] ?? '';
  }
  if (value !== '' || parameter.generate === '') {
    return value;
  }
  if (parameter.generate !== 'expression') {
    throw new UnetError(
      'UNET_TEMPLATE_INVALID',
      `template ${template}, parameter ${name}: there is no generator "${parameter.generate}", only "expression"`,
    );
  }
  try {
    return generate(from);
  } catch (error) {
    const why = errorMessage(error);
    throw new UnetError('UNET_TEMPLATE_INVALID', `template ${template}, parameter ${name}: ${why}`);
  }
}
