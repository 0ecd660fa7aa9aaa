/** The pinned release, verified and laid into this node's own directory; what it offers; which engine it finds. */
import { createHash } from 'node:crypto';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { readComposeFile } from '../../engine/compose-file.ts';
import { describeEngine, engineVariables } from '../../engine/engine.ts';
import { hairpinWarning } from '../../engine/hairpin.ts';
import { UnetError } from '../../errors.ts';
import { exists } from '../../files/exists.ts';
import { withDeadline } from '../../process/deadline.ts';
import { probeRelease } from '../../provision/probe.ts';
import { stageRelease } from '../../provision/stage.ts';
import { checkContainer } from '../container.ts';
import type { NodeContext, Step } from '../context.ts';
import { findEngine } from '../find-engine.ts';
import { packOwnRelease } from '../own-release.ts';
import { preflight } from '../preflight.ts';
import { readNodeRecord, writeNodeRecord } from '../record.ts';
import { releaseFromArchive } from '../release-archive.ts';

export const stage: Step = {
  name: 'stage',
  isDone: async ({ engine, release, record, directory }) =>
    engine !== undefined &&
    release !== undefined &&
    (await exists(join(record.stage, 'Makefile'))) &&
    (await readNodeRecord(directory)) !== undefined,
  run: async (context, log, signal) => {
    const { record, spec } = context;
    // The supervisor has as long to fetch it, and then it has to come.
    const ms = 2 * spec.stepTimeouts.stage;
    const source = await withDeadline(
      ms,
      signal,
      (limit) => receive(context, limit),
      () => new UnetError('UNET_STEP_TIMEOUT', `the release did not arrive within ${ms / 1000} s`),
    );
    await stageRelease({ source: source.content, sha256: source.sha256, destination: record.stage, signal });
    if (source.ours === true) {
      await rm(source.content, { force: true });
    }
    log.line(`staged sha256 ${source.sha256} in ${record.stage}`);
    const probe = { env: context.environment(), timeoutMs: spec.stepTimeouts.stage, signal };
    // All to their ends: what the engine's search makes has to be whole before it is taken away again. The file is last: it is
    // parsed while the programs that the others have started run.
    const [engine, release, composeFile] = await Promise.allSettled([
      findEngine(context, log, signal),
      probeRelease(record.stage, probe),
      readComposeFile(record.stage),
    ]);
    context.release = settled(release);
    context.engine = settled(engine);
    context.composeFile = settled(composeFile);
    log.line(`engine: ${describeEngine(context.engine)}`);
    record.variables = { ...record.variables, ...engineVariables(context.engine) };
    const hairpin = context.isLead ? await hairpinWarning(context.engine) : undefined;
    if (hairpin !== undefined) {
      context.send({ type: 'warning', message: hairpin });
    }
    const { type, command } = context.engine;
    record.engine = { type, command: [...command] };
    await writeNodeRecord(context.directory, record);
    context.releaseSha256 = source.sha256;
    await preflight(context, log, signal);
    await checkContainer(context, log, signal);
    // Nodes that come later are sent theirs on the same stream.
    context.inbox.discard('release', 'release-part');
  },
};

/** `ours`: a file that nobody else has. */
type Source =
  | { content: string; sha256: string; ours: true }
  | { content: string | Buffer; sha256: string; ours?: never };

/** The release's tar: in the job directory; where that is not shared in a Flux archive, or pushed down our input; or our own. */
async function receive(context: NodeContext, signal: AbortSignal): Promise<Source> {
  const { sha256, bytes, path, archive: only, own } = await context.inbox.take('release', signal);
  if (own !== undefined) {
    return { content: await packOwnRelease(own, sha256, context, signal), sha256, ours: true };
  }
  if (only !== undefined) {
    return { content: await releaseFromArchive(only, context, signal), sha256 };
  }
  if (context.seesJobDir) {
    return { content: path, sha256 };
  }
  const parts: Buffer[] = [];
  for (let received = 0; received < bytes; ) {
    const { data, archive } = await context.inbox.take('release-part', signal);
    if (archive !== undefined) {
      return { content: await releaseFromArchive(archive, context, signal), sha256 };
    }
    const part = Buffer.from(data, 'base64');
    parts.push(part);
    received += part.length;
  }
  const content = Buffer.concat(parts);
  const actual = createHash('sha256').update(content).digest('hex');
  if (actual !== sha256) {
    throw new UnetError(
      'UNET_RELEASE_CHECKSUM',
      `the release arrived damaged: sha256 ${actual}, expected ${sha256}`,
    );
  }
  return { content, sha256 };
}

function settled<T>(result: PromiseSettledResult<T>): T {
  if (result.status === 'rejected') {
    throw result.reason;
  }
  return result.value;
}

/** Where in a node's directory the release is staged. */
export function stageDirectory(directory: string): string {
  return join(directory, 'release');
}
