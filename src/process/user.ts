/** Who this process is. */

/** Its user id. Not os.userInfo(), which throws where the id has no entry in the passwd database (a container, a broken LDAP). */
export function ownUid(): number {
  const uid = process.getuid?.();
  if (uid === undefined) {
    throw new TypeError('unet runs on Linux only'); // package.json says so; nothing else has no uid
  }
  return uid;
}
