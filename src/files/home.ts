/** The user's home directory, where there is one. */
import { homedir } from 'node:os';
import { isAbsolute } from 'node:path';
import { UnetError } from '../errors.ts';
import { ownUid } from '../process/user.ts';

/** HOME, else that of the passwd database; undefined where neither says one (a container, a broken LDAP). */
export function homeOf({ HOME: home = '' }: NodeJS.ProcessEnv): string | undefined {
  if (isAbsolute(home)) {
    return home;
  }
  try {
    return homedir();
  } catch {
    return undefined;
  }
}

/** @param flag names another place. @throws UnetError UNET_DIR_UNWRITABLE where there is no home. */
export function needHome(env: NodeJS.ProcessEnv, what: string, flag: string): string {
  const home = homeOf(env);
  if (home === undefined) {
    throw new UnetError(
      'UNET_DIR_UNWRITABLE',
      `no place for ${what}: HOME is not set, and user ${ownUid()} has no passwd entry`,
      { fatal: true, remedy: `set HOME, or name a directory with ${flag}` },
    );
  }
  return home;
}
