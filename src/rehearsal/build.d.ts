/** Lays a complete rehearsal release into the directory. */
export function buildRehearsal(directory: string): Promise<void>;
