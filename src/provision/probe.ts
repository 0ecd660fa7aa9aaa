/** What a release offers, asked of make itself: a Makefile's text does not tell what it includes or computes. */
import { join } from 'node:path';
import { MAKEFILES, withoutMakeVariables } from '../engine/make-variables.ts';
import { UnetError } from '../errors.ts';
import { exists } from '../files/exists.ts';
import type { Environment } from '../process/environment.ts';
import { describeEnd, lastLines, run } from '../process/run.ts';

export type ReleaseFeatures = {
  /** Every explicit target with something to do. */
  targets: Set<string>;
  cni: CniTarget;
  hasReset: boolean;
  hasSyncExternalIp: boolean;
};

export type CniTarget = 'install-flannel' | 'install-cni';

export type ProbeOptions = { env: Environment; timeoutMs: number; signal?: AbortSignal | undefined };

const NEEDED = ['up', 'down-v', 'kubeadm-init', 'kubeconfig', 'join-command', 'kubeadm-join'];
// The older name first: where both exist, its behaviour is the one that is recorded.
const CNI: readonly CniTarget[] = ['install-flannel', 'install-cni'];
const GOAL = 'unet-probe-goal';

/**
 * Reads the data base that `make -p` prints of the release in `directory`. Nothing of it is run, except what variables that are
 * not exported run while make reads them (`$(shell …)`).
 *
 * @throws UnetError UNET_RELEASE_INVALID (no Makefile, or make cannot read it), UNET_RELEASE_TARGETS naming the
 *   missing ones, UNET_TOOL_MISSING (make).
 */
export async function probeRelease(
  directory: string,
  { env, timeoutMs, signal }: ProbeOptions,
): Promise<ReleaseFeatures> {
  await checkMakefile(directory);
  // A goal of our own, as -q does run those lines of the default goal's recipe that have $(MAKE) in them; so 0 and 1
  // (up to date, not up to date) are both fine, and 2 is a Makefile that make cannot read.
  const argv = ['make', '-pRrq', '--eval', `.PHONY: ${GOAL}`, GOAL];
  const pinned = await withoutMakeVariables(directory, { ...env, LC_ALL: 'C' });
  const result = await run(argv, { cwd: directory, env: pinned, timeoutMs, signal });
  signal?.throwIfAborted();
  if (result.exitCode !== 0 && result.exitCode !== 1) {
    throw new UnetError(
      'UNET_RELEASE_INVALID',
      `the Makefile of ${directory} could not be read: make ${describeEnd(result, timeoutMs)}`,
      {
        tail: lastLines(result.stderr),
        fatal: true,
        remedy: 'GNU make 4 and a complete release are needed',
      },
    );
  }
  const targets = parseTargets(result.stdout);
  return describeRelease(directory, targets);
}

/** @throws UnetError UNET_RELEASE_INVALID. */
export async function checkMakefile(directory: string, shown = directory): Promise<void> {
  for (const name of MAKEFILES) {
    if (await exists(join(directory, name))) {
      return;
    }
  }
  throw new UnetError('UNET_RELEASE_INVALID', `${shown} is not a Usernetes release: it has no Makefile`, {
    fatal: true,
    remedy: 'name the directory that contains the Makefile',
  });
}

function describeRelease(directory: string, targets: Set<string>): ReleaseFeatures {
  const cni = CNI.find((target) => targets.has(target));
  const missing = NEEDED.filter((target) => !targets.has(target));
  if (cni === undefined || missing.length > 0) {
    const named = [...missing, ...(cni === undefined ? [CNI.join(' or ')] : [])];
    throw new UnetError(
      'UNET_RELEASE_TARGETS',
      `the release in ${directory} lacks the make targets: ${named.join(', ')}`,
      {
        fatal: true,
        remedy: 'use a Usernetes Gen2 release (tags gen2-v…) or later',
      },
    );
  }
  return {
    targets,
    cni,
    hasReset: targets.has('kubeadm-reset'),
    hasSyncExternalIp: targets.has('sync-external-ip'),
  };
}

/**
 * The blocks after "# Files", one per file that make knows of. Left out are those it has no rule for ("# Not a
 * target:", files on disk), and names that are only declared phony.
 */
function parseTargets(dataBase: string): Set<string> {
  const start = dataBase.lastIndexOf('\n# Files\n');
  const targets = new Set<string>();
  if (start < 0) {
    return targets;
  }
  for (const block of dataBase.slice(start).split(/\n{2,}/)) {
    const [, name, prerequisites] = /^([^\s#:][^:\n]*)::?(?!=)[ ]*(.*)/.exec(block) ?? [];
    const hasRecipe = block.includes('\n#  recipe to execute');
    if (name !== undefined && !name.startsWith('.') && (hasRecipe || prerequisites !== '')) {
      targets.add(name);
    }
  }
  return targets;
}
