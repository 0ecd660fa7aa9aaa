/** What can be known of a node whose record is lost: its directory names the job and the node, and the release is in it. */
import { basename, dirname, join } from 'node:path';
import { detectEngine } from '../engine/detect.ts';
import { engineVariables } from '../engine/engine.ts';
import { projectName } from '../engine/identity.ts';
import { jobStorage } from '../engine/storage.ts';
import { exists } from '../files/exists.ts';
import type { Environment } from '../process/environment.ts';
import type { NodeRecord } from './record.ts';
import { stageDirectory } from './steps/stage.ts';

/**
 * A record that is enough for a teardown. The engine is looked for as for a bring-up. Undefined where no release is, or no engine that
 * could have run its container.
 *
 * @param directory `…/JOB/NODE`.
 */
export async function reconstructRecord(
  directory: string,
  options: { env: Environment; timeoutMs: number },
): Promise<NodeRecord | undefined> {
  const stage = stageDirectory(directory);
  if (!(await exists(join(stage, 'Makefile')))) {
    return undefined;
  }
  const [node, jobId] = [basename(directory), basename(dirname(directory))];
  const storage = jobStorage({ jobId, node, directory });
  const hasStorage = await exists(storage.graph);
  const variables = hasStorage ? storage.variables : {};
  const env = { ...options.env, ...variables };
  const engine = await detectEngine(stage, { engine: 'auto', ...options, env }).catch(() => undefined);
  if (engine === undefined) {
    return undefined;
  }
  return {
    version: 1,
    jobId,
    node,
    pid: process.pid,
    stage,
    up: true,
    variables: {
      ...defined(variables),
      ...defined(engineVariables(engine)),
      COMPOSE_PROJECT_NAME: projectName(jobId, node),
    },
    storage: hasStorage ? { graph: storage.graph, runtime: storage.runtime } : undefined,
    engine: { type: engine.type, command: [...engine.command] },
  };
}

function defined(variables: Environment): Record<string, string> {
  return Object.fromEntries(
    Object.entries(variables).filter((entry): entry is [string, string] => entry[1] !== undefined),
  );
}
