/** Files of unet are private from the moment they exist; the user's own command gets the user's own umask back. */

/** The umask with which unet was started. */
export const ORIGINAL_UMASK: number = process.umask(0o077);
