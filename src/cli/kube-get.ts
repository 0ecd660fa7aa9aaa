/** `unet kube get`: templates, their parameters, and any resource of the cluster. */
import { stringify } from 'yaml';
import { EXIT, UnetError } from '../errors.ts';
import { tableLines } from '../events/table.ts';
import type { Session } from '../kube-jobs/jobs/prepare.ts';
import { type Json, type JsonObject, objectsIn } from '../kube-jobs/object.ts';
import { findTemplate, listTemplates } from '../kube-jobs/sources/find.ts';
import type { TemplateSource } from '../kube-jobs/sources/source.ts';
import type { CommandContext, CommandModule } from './frame/command.ts';
import { CLUSTER_FLAGS, type ClusterArgs, sessionOf } from './kube-session.ts';

type Args = ClusterArgs & { object: string; name?: string; output?: 'json' | 'yaml' | 'wide' };
type Context = CommandContext<Args>;

export const get: CommandModule<Args> = {
  command: 'get <object> [name]',
  describe: 'print templates and their parameters, or any resource of the cluster',
  group: 'use',
  example: [
    ['unet kube get template_names', 'names of the templates that can be submitted'],
    ['unet kube get template_params nginx-template', 'the parameters of one, or of all'],
    ['unet kube get pods -n demo -o wide', 'any resource: pods, services, routes, …'],
  ],
  settings: [],
  positionals: {
    object: {
      type: 'string',
      describe: 'template_names, template_params, templates, or a resource',
      demandOption: true,
    },
    name: { type: 'string', describe: 'only that one' },
  },
  builder: {
    output: {
      type: 'string',
      alias: 'o',
      choices: ['json', 'yaml', 'wide'],
      describe: 'other forms than a table',
    },
    ...CLUSTER_FLAGS,
  },
  handler: (context) => {
    const session = sessionOf(context);
    return (OBJECTS[context.args.object] ?? resource)(context, session);
  },
};

const OBJECTS: Readonly<Record<string, (context: Context, session: Session) => Promise<number>>> = {
  template_names: templateNames,
  template_params: templateParameters,
  templates,
};

async function templateNames(context: Context, session: Session): Promise<number> {
  const sources = await chosen(context, session);
  const names = sources.map(({ name }) => name);
  if (context.args.output === 'wide') {
    const rows = sources.map(({ name, form, from }) => [name, form, from]);
    tableLines(columns('NAME', 'FORM', 'FROM'), rows).forEach((line) => void context.out(line));
  } else if (context.args.output !== undefined) {
    show(context, names);
  } else {
    names.forEach((name) => void context.out(name));
  }
  return EXIT.done;
}

async function templateParameters(context: Context, session: Session): Promise<number> {
  const { args, env, signal, out } = context;
  const all: [string, JsonObject[]][] = [];
  for (const source of await chosen(context, session)) {
    const parameters = await source.parameters({ env, signal });
    all.push([source.name, parameters.map((parameter) => ({ ...parameter }) as JsonObject)]);
  }
  if (args.output === 'json' || args.output === 'yaml') {
    show(context, Object.fromEntries(all));
    return EXIT.done;
  }
  for (const [index, [name, parameters]] of all.entries()) {
    out(`${index === 0 ? '' : '\n'}${name}`);
    const rows = parameters.map(({ name: parameter, value, from, generate, required, description }) => [
      String(parameter),
      generate === '' ? String(value) : `generated from ${from}`,
      required === true ? 'yes' : '',
      String(description ?? ''),
    ]);
    if (rows.length > 0) {
      const lines = tableLines(columns('PARAMETER', 'VALUE', 'REQUIRED', 'DESCRIPTION'), rows);
      lines.forEach((line) => void out(`  ${line}`));
    }
  }
  return EXIT.done;
}

async function templates(context: Context, session: Session): Promise<number> {
  const sources = await chosen(context, session);
  if (context.args.output === undefined || context.args.output === 'wide') {
    const rows = sources.map(({ name, form, from }) => [name, form, from]);
    tableLines(columns('NAME', 'FORM', 'FROM'), rows).forEach((line) => void context.out(line));
    return EXIT.done;
  }
  const items: JsonObject[] = [];
  for (const source of sources) {
    items.push(await source.raw());
  }
  show(context, { apiVersion: 'v1', kind: 'List', items });
  return EXIT.done;
}

/** With a table as the server makes it, so that each kind has its own columns, custom ones too. */
async function resource(context: Context, session: Session): Promise<number> {
  const { args, signal, out, say } = context;
  const cluster = session.cluster();
  const kind = await cluster.resource(args.object, signal);
  const namespace = session.namespace ?? cluster.namespace;
  const path = kind.path(namespace, args.name);
  const what = `get ${args.object}`;
  if (args.output === 'json' || args.output === 'yaml') {
    show(context, await cluster.send({ path, what, signal }));
    return EXIT.done;
  }
  const accept = 'application/json;as=Table;v=v1;g=meta.k8s.io,application/json';
  const table = await cluster.send({ path, what, signal, accept });
  const rows = objectsIn(table.rows);
  if (rows.length === 0) {
    say(kind.namespaced ? `No resources found in ${namespace} namespace.` : 'No resources found');
    return EXIT.done;
  }
  const wanted = objectsIn(table.columnDefinitions).map((column, index) => ({ ...column, index }));
  const shown = wanted.filter(({ priority }: JsonObject) => args.output === 'wide' || (priority ?? 0) === 0);
  const titles = shown.map(({ name }: JsonObject) => String(name).toUpperCase());
  const cells = rows.map(({ cells: values }) =>
    shown.map(({ index }) => cellText(Array.isArray(values) ? values[index] : undefined)),
  );
  tableLines(columns(...titles), cells).forEach((line) => void out(line));
  return EXIT.done;
}

/** Those that are asked for. What cannot be read is said, and hides no other. */
async function chosen({ args, signal, say }: Context, session: Session): Promise<TemplateSource[]> {
  const { paths, cwd, cluster, namespace } = session;
  const places = { paths, cwd, cluster, namespace };
  if (args.name !== undefined) {
    return [await findTemplate(args.name, places, signal)];
  }
  const { sources, problems } = await listTemplates(places, signal).catch(async (error: unknown) => {
    // Files have templates without a cluster, too.
    if (paths.length === 0) {
      throw error;
    }
    const found = await listTemplates({ ...places, cluster: undefined }, signal);
    return { ...found, problems: [...found.problems, UnetError.from(error)] };
  });
  problems.forEach(({ message }) => void say(`unet: warning: ${message.replaceAll('\n', '; ')}`));
  return sources;
}

function show({ args, out }: Context, value: unknown): void {
  out(args.output === 'yaml' ? stringify(value).trimEnd() : JSON.stringify(value, null, 2));
}

function columns(...titles: string[]) {
  return titles.map((title) => ({ title }));
}

function cellText(value: Json | undefined): string {
  if (value === undefined || value === null || value === '') {
    return '<none>';
  }
  return Array.isArray(value) ? value.join(',') : String(value);
}
