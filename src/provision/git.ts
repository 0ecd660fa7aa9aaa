/** A release out of a git repository. */
import { join } from 'node:path';
import { UnetError } from '../errors.ts';
import type { Environment } from '../process/environment.ts';
import { describeEnd, lastLines, type RunResult, run } from '../process/run.ts';
import { shownUrl } from './reference.ts';

export type CheckoutOptions = { env: Environment; timeoutMs: number; signal?: AbortSignal | undefined };

const COMMIT = /^([0-9a-f]{40}|[0-9a-f]{64})$/;
const SHORT_COMMIT = /^[0-9a-f]{7,64}$/;
const NO_SHALLOW = /does not support shallow/;
const NOT_ALONE =
  /unadvertised object|not our ref|couldn't find remote ref|Remote branch .* not found|no such remote ref/i;

// The user's own configuration stays (proxies, credentials), except for what would change the files or run something.
const CONFIG = [
  'core.autocrlf=false',
  'core.symlinks=true',
  'core.hooksPath=/dev/null',
  'core.fsmonitor=false',
  'submodule.recurse=false',
  'protocol.ext.allow=never',
  'advice.detachedHead=false',
  'init.defaultBranch=main',
].flatMap((setting) => ['-c', setting]);

// Without a terminal and without anyone to ask: an unknown host or a password is an error, not a wait.
const NO_QUESTIONS = {
  GIT_TERMINAL_PROMPT: '0',
  GIT_ASKPASS: 'true',
  SSH_ASKPASS: 'true',
  SSH_ASKPASS_REQUIRE: 'force',
  LC_ALL: 'C',
};
const SSH_URL = /^(ssh:\/\/|[\w.-]+@[\w.-]+:)/;

export type CheckedOut = {
  directory: string;
  commit: string;
  /** `ref` is a branch: tomorrow it is something else. */
  isBranch: boolean;
};

/**
 * Checks `ref` (a tag, a commit, also a branch) of the repository at `url` out beneath the empty directory
 * `parent`. Fetches that one version where the server lets it, else everything.
 *
 * @throws UnetError UNET_RELEASE_FETCH with git's last lines, UNET_TOOL_MISSING (git).
 */
export async function checkOut(
  url: string,
  ref: string,
  parent: string,
  options: CheckoutOptions,
): Promise<CheckedOut> {
  if (url.startsWith('-') || ref.startsWith('-')) {
    throw new UnetError('UNET_USAGE', `"${url}#${ref}" is not a git URL with a tag or commit`, {
      fatal: true,
    });
  }
  const git = createGit(url, ref, options);
  let directory = join(parent, 'shallow');
  const shallow = COMMIT.test(ref)
    ? await fetchCommit(git, url, ref, directory)
    : await cloneBranch(git, url, ref, directory);
  if (shallow.exitCode !== 0) {
    if (!mayBeInFullClone(shallow, ref)) {
      throw git.failure(shallow);
    }
    directory = join(parent, 'full');
    await git.ok(['clone', '--no-checkout', '--', url, directory]);
    // Verified first: for checkout, a word that is no commit is the name of a file.
    const found = await git.ok([
      '-C',
      directory,
      'rev-parse',
      '--verify',
      '--end-of-options',
      `${ref}^{commit}`,
    ]);
    await git.ok(['-C', directory, 'checkout', '--detach', found.stdout.trim(), '--']);
  }
  const head = await git.ok(['-C', directory, 'rev-parse', '--verify', 'HEAD']);
  const branch = `refs/remotes/origin/${ref}`;
  const names = await git.ok([
    '-C',
    directory,
    'for-each-ref',
    '--format=%(refname)',
    branch,
    `refs/tags/${ref}`,
  ]);
  const [found, ...more] = names.stdout.split('\n').filter((name) => name !== '');
  return { directory, commit: head.stdout.trim(), isBranch: found === branch && more.length === 0 };
}

/** The server has it but does not give it out alone; or it is a short commit id, which only a clone can look up. */
function mayBeInFullClone({ stderr }: RunResult, ref: string): boolean {
  return NO_SHALLOW.test(stderr) || (NOT_ALONE.test(stderr) && SHORT_COMMIT.test(ref));
}

type Git = {
  run: (args: string[]) => Promise<RunResult>;
  ok: (args: string[]) => Promise<RunResult>;
  failure: (result: RunResult) => UnetError;
};

function createGit(url: string, ref: string, { env, timeoutMs, signal }: CheckoutOptions): Git {
  const deadline = performance.now() + timeoutMs;
  const failure = (result: RunResult) =>
    new UnetError(
      'UNET_RELEASE_FETCH',
      `${ref} of ${shownUrl(url)} could not be fetched: git ${describeEnd(result, timeoutMs)}`,
      {
        tail: lastLines(result.stderr),
        remedy:
          'check the URL, the tag and https_proxy; for nodes without internet access, see --mirror and "unet cache add"',
      },
    );
  const git: Git = {
    run: async (args) => {
      const result = await run(['git', ...CONFIG, ...args], {
        env: { ...env, ...NO_QUESTIONS, ...(await sshCommand(url, env)) },
        timeoutMs: Math.max(1, deadline - performance.now()),
        signal,
      });
      signal?.throwIfAborted();
      if (result.timedOut) {
        throw failure(result);
      }
      return result;
    },
    ok: async (args) => {
      const result = await git.run(args);
      if (result.exitCode !== 0) {
        throw failure(result);
      }
      return result;
    },
    failure,
  };
  return git;
}

/**
 * ssh without questions, unless the user has an ssh of his own for git: a jump host, another key. That one has no
 * terminal to ask on either.
 */
async function sshCommand(url: string, env: Environment): Promise<Environment> {
  if (!SSH_URL.test(url) || env.GIT_SSH_COMMAND !== undefined || env.GIT_SSH !== undefined) {
    return {};
  }
  const own = await run(['git', 'config', '--get', 'core.sshCommand'], { env, timeoutMs: 10_000 });
  return own.exitCode === 0 ? {} : { GIT_SSH_COMMAND: 'ssh -o BatchMode=yes' };
}

function cloneBranch(git: Git, url: string, ref: string, directory: string): Promise<RunResult> {
  return git.run(['clone', '--depth', '1', '--single-branch', '--branch', ref, '--', url, directory]);
}

/** The last result: of what failed, or of the checkout. */
async function fetchCommit(git: Git, url: string, commit: string, directory: string): Promise<RunResult> {
  await git.ok(['init', '--quiet', '--', directory]);
  const fetched = await git.run(['-C', directory, 'fetch', '--depth', '1', '--', url, commit]);
  return fetched.exitCode === 0 ? git.run(['-C', directory, 'checkout', '--detach', commit, '--']) : fetched;
}
