/** An allocation as a plain value: who the nodes are, which one this is, who leads, when it ends. */

export const ALLOCATION_KINDS = ['slurm', 'flux', 'local'] as const;
export type AllocationKind = (typeof ALLOCATION_KINDS)[number];

export type Allocation = {
  kind: AllocationKind;
  /**
   * Names everything that belongs to this cluster: directories, compose projects. Lowercase letters, digits and
   * dashes, at most 40 characters, unique for the user: `slurm-42`, `local-default`.
   */
  jobId: string;
  /** The scheduler's own id, if there is one. */
  schedulerJobId?: string | undefined;
  /** Host names in the scheduler's order; the first one leads. For `local` these are made up. */
  nodes: readonly string[];
  /** The node on which this process runs; undefined outside the allocation (a login node). */
  self?: string | undefined;
  /** Milliseconds since the epoch; undefined: no limit, or none known. */
  endsAt?: number | undefined;
  /** Several of its nodes are on one host, so they cannot have the same ports. */
  sharesHosts?: boolean | undefined;
  /** The instance, for `flux`: where its broker is, and how it gives files to all ranks (none: it is too old). */
  flux?:
    | {
        uri: string;
        /** Of the broker on this host; undefined through flux proxy. */
        rank?: number | undefined;
        version?: string | undefined;
        files?: 'archive' | 'filemap' | undefined;
        /** The job that this instance is, and where the instance is that runs it. */
        enclosing?: { uri: string; jobId: string } | undefined;
      }
    | undefined;
  /** Its agents are started by the prologs of the nodes, and find their supervisor by this. */
  attached?: { via: 'shared-fs' } | { via: 'flux-kvs'; job: string; uri?: string | undefined } | undefined;
};
