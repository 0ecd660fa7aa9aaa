/** What `unet pack` says while it works. */
import type { PackMember } from './manifest.ts';

export type PackEvent =
  /** What is done before there are bytes to count: a build, a pull. */
  | { type: 'step'; message: string }
  | { type: 'warning'; message: string }
  /** `bytes` of `total` have been read, uncompressed; without a total nobody knows how many there will be. */
  | { type: 'member'; state: 'started' | 'progress'; path: string; bytes: number; total?: number | undefined }
  /** `kept`: an interrupted run had finished it. */
  | { type: 'member'; state: 'done' | 'kept'; path: string; member: PackMember; ms: number }
  | { type: 'verified'; path: string; bytes: number; total: number };

export type OnPackEvent = (event: PackEvent) => void;
