import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { removeLeftovers } from '../../src/engine/leftovers.ts';
import { whyNotRunning } from '../../src/engine/running.ts';
import { childEnvironment } from '../../src/process/environment.ts';
import { program, scratch } from '../process/scratch.ts';

/** An engine that has what the files `ps`, `volume` and `network` name, until it is told to remove it. */
function engine(has: { ps?: string; volume?: string; network?: string }, stubborn = false) {
  const directory = scratch();
  for (const [kind, names] of Object.entries(has)) {
    writeFileSync(join(directory, kind), `${names}\n`);
  }
  const remove = stubborn ? 'echo "Error: in use" >&2; exit 2' : 'rm -f "$1"';
  const text = `#!/bin/sh
cd ${directory}; echo "$*" >> calls
case "$1 $2" in
"volume rm" | "network rm") set -- "$1"; ${remove} ;;
"rm -f") set -- ps; ${remove} ;;
"ps -a" | "volume ls" | "network ls") cat "$1" 2>/dev/null; exit 0 ;;
*) exit 1 ;;
esac
`;
  const calls = () => readFileSync(join(directory, 'calls'), 'utf8').trimEnd().split('\n');
  return { type: 'podman', command: [program(directory, 'engine', text)], directory, calls };
}

const node = { jobId: 'slurm-42', node: 'N1', env: childEnvironment(process.env), timeoutMs: 60_000 };

describe('what compose left', () => {
  it('is asked for by the one label that is of this node alone, and removed', async () => {
    const podman = engine({ ps: 'c1', volume: 'v1', network: 'n1' });
    await removeLeftovers(podman, node);
    expect(['ps', 'volume', 'network'].filter((kind) => existsSync(join(podman.directory, kind)))).toEqual(
      [],
    );
    expect(podman.calls()).toEqual(expect.arrayContaining(['rm -f -v c1', 'volume rm v1', 'network rm n1']));
    const lists = podman.calls().filter((words) => words.includes('--filter'));
    expect(new Set(lists.map((words) => words.split('--filter ')[1]))).toEqual(
      // Of two labels podman 4.3 takes volumes that have either one, so those of other jobs, too.
      new Set(['label=unet.project=unet-slurm-42-n1']),
    );
  });

  it('is an error when it cannot be removed', async () => {
    await expect(removeLeftovers(engine({ volume: 'v1' }, true), node)).rejects.toMatchObject({
      code: 'UNET_TEARDOWN_INCOMPLETE',
      message: 'volume v1 could not be removed',
    });
  });
});

describe('a container', () => {
  it.each([
    ['abc Up 2 seconds', undefined],
    ['abc Created', 'the node’s container does not run: Created'],
    ['abc Exited (1) 2 seconds ago', 'the node’s container does not run: Exited (1) 2 seconds ago'],
    ['', 'the node’s container is not there'],
  ])('of which the engine says "%s"', async (status, said) => {
    const problem = await whyNotRunning(engine({ ps: status }), node);
    expect(problem?.message).toBe(said);
  });
});
