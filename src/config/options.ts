/** The settings as flags, variables and file keys: one flat list, made from the schema. */
import * as z from 'zod';
import { StepTimeouts } from '../setting/bring-up.ts';
import { durationText } from '../setting/duration.ts';
import { Duration } from '../setting/fields.ts';
import { type SettingKind, Settings } from './schema.ts';

export type SettingKey = keyof Settings;

/** One single value that can be set. `stepTimeouts` has one for each step. */
export type SettingLeaf = {
  /** Its name in origins: `joinVia`, `stepTimeouts.await-join`. */
  path: string;
  key: SettingKey;
  step?: keyof StepTimeouts;
  /** Its name in unet.yaml: `join-via`, `step-timeouts.await-join`. */
  file: string;
  /** `UNET_JOIN_VIA`, `UNET_STEP_TIMEOUT_AWAIT_JOIN`. */
  variable: string;
  /** What a user types: `--join-via`, `--step-timeout await-join=`. */
  flag: string;
  kind: SettingKind;
  schema: z.ZodType;
  choices?: readonly string[];
  defaultValue: unknown;
  /** What a right value looks like, to end "… is not": "a whole number from 1". */
  expected: string;
};

/** A setting as a flag. */
export type SettingOption = {
  key: SettingKey;
  /** Without dashes: `join-via`. */
  flag: string;
  variable: string;
  /** `keyed`: repeatable, KEY=VALUE. */
  kind: SettingKind | 'keyed';
  description: string;
  choices?: readonly string[];
  /** "10m", "auto"; undefined: it has no default. */
  defaultText?: string;
};

const PATHS: readonly string[] = ['jobDir', 'nodeDir', 'cache', 'cacheFrom', 'pack'];
const STEP_FLAG = 'step-timeout';
const STEP_FILE = 'step-timeouts';
const STEP_VARIABLE = 'UNET_STEP_TIMEOUT';

/** Every flag that a setting has, in the order of the schema. */
export function settingOptions(): SettingOption[] {
  return Object.entries(Settings.shape).map(([name, schema]): SettingOption => {
    const key = name as SettingKey;
    const description = schema.description ?? '';
    if (key === 'stepTimeouts') {
      const steps = Object.keys(StepTimeouts.shape);
      const more = `${description}, as STEP=DURATION (repeatable): ${steps.join(', ')}`;
      return { key, flag: STEP_FLAG, variable: `${STEP_VARIABLE}_STEP`, kind: 'keyed', description: more };
    }
    const { kind, choices, defaultValue } = inspectSchema(key, schema);
    return {
      key,
      flag: kebab(key),
      variable: variableOf(key),
      kind,
      description,
      ...(choices === undefined ? {} : { choices }),
      ...(defaultValue === undefined || kind === 'list'
        ? {}
        : { defaultText: settingText(kind, defaultValue) }),
    };
  });
}

/** Every single value that can be set. */
export function settingLeaves(): SettingLeaf[] {
  return Object.entries(Settings.shape).flatMap(([name, schema]): SettingLeaf[] => {
    const key = name as SettingKey;
    if (key === 'stepTimeouts') {
      return Object.entries(StepTimeouts.shape).map(([step, inner]) => ({
        path: `${key}.${step}`,
        key,
        step: step as keyof StepTimeouts,
        file: `${STEP_FILE}.${step}`,
        variable: `${STEP_VARIABLE}_${upper(step)}`,
        flag: `--${STEP_FLAG} ${step}=`,
        ...inspectSchema(key, inner),
      }));
    }
    return [
      {
        path: key,
        key,
        file: kebab(key),
        variable: variableOf(key),
        flag: `--${kebab(key)}`,
        ...inspectSchema(key, schema),
      },
    ];
  });
}

/** A value as a user would write it: 600000 milliseconds is "10m"; of a list each in a line, as in its variable. */
export function settingText(kind: SettingKind, value: unknown): string {
  if (Array.isArray(value)) {
    return value.join('\n');
  }
  return kind === 'duration' && typeof value === 'number' ? durationText(value) : String(value);
}

/** `joinVia` is `join-via`. */
export function kebab(key: string): string {
  return key.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}

function variableOf(key: string): string {
  return `UNET_${upper(kebab(key))}`;
}

function upper(text: string): string {
  return text.toUpperCase().replaceAll('-', '_');
}

type Inspected = Pick<SettingLeaf, 'kind' | 'schema' | 'choices' | 'defaultValue' | 'expected'>;

function inspectSchema(key: string, outer: z.ZodType): Inspected {
  const schema = unwrap(outer);
  const defaultValue = outer.safeParse(undefined).data;
  if (schema === Duration) {
    return { kind: 'duration', schema, defaultValue, expected: 'a duration such as 90s, 10m or 2h' };
  }
  if (schema instanceof z.ZodArray) {
    const expected = schema.safeParse(['']).error?.issues[0]?.message ?? 'a text';
    return { kind: 'list', schema, defaultValue, expected };
  }
  if (schema instanceof z.ZodEnum) {
    const choices = schema.options.map(String);
    return { kind: 'choice', schema, choices, defaultValue, expected: `one of ${choices.join(', ')}` };
  }
  if (schema instanceof z.ZodPipe) {
    const most = schema.safeParse(Number.MAX_SAFE_INTEGER).success ? undefined : maximum(schema);
    const expected = `a whole number from 1${most === undefined ? '' : ` to ${most}`}`;
    return { kind: 'count', schema, defaultValue, expected };
  }
  if (schema instanceof z.ZodUnion) {
    return { kind: 'switch', schema, defaultValue, expected: 'true or false' };
  }
  const wrong = schema.safeParse('?!').error?.issues[0]?.message;
  const expected = wrong ?? (PATHS.includes(key) ? 'a path' : 'a text');
  return { kind: PATHS.includes(key) ? 'path' : 'text', schema, defaultValue, expected };
}

function unwrap(schema: z.ZodType): z.ZodType {
  const { innerType } = schema.def as { innerType?: z.ZodType };
  return innerType === undefined ? schema : unwrap(innerType);
}

function maximum(schema: z.ZodPipe): number | undefined {
  return schema.def.out instanceof z.ZodNumber ? (schema.def.out.maxValue ?? undefined) : undefined;
}
