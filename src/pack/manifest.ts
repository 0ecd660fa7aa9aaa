/** What a pack says about itself: its first entry, described by one schema. See docs/packs.md. */
import * as z from 'zod';

export const PACK_VERSION = 1;
export const MANIFEST = 'manifest.json';
/** The manifest's place is kept free while the members are written, and filled up with blanks. */
export const MANIFEST_BYTES = 256 * 1024;
/** The last entry: the manifest's own checksum. */
export const SEAL = 'manifest.sha256';
/** `HEX  manifest.json`, as sha256sum(1) reads it. */
export const SEAL_BYTES = 64 + 2 + MANIFEST.length + 1;

export const COMPRESSIONS = ['none', 'gzip', 'zstd'] as const;
export type Compression = (typeof COMPRESSIONS)[number];

const Sha256 = z.string().regex(/^[0-9a-f]{64}$/);
const Bytes = z.number().int().nonnegative();
/** Relative, no `.` or `..`, and in one plain tar header. */
const MemberPath = z
  .string()
  .max(99)
  .regex(/^[A-Za-z0-9_][A-Za-z0-9._-]*(\/[A-Za-z0-9_][A-Za-z0-9._-]*)*$/);

export const PackedImage = z.object({
  /** Its names, by which it is found when it is loaded. */
  names: z.array(z.string().max(300)).max(20),
  /** Digest of its configuration, which engines call its id: `sha256:…`. */
  id: z.string().regex(/^sha256:[0-9a-f]{64}$/),
  architecture: z.string().max(30),
  layers: z.number().int().nonnegative(),
});
export type PackedImage = z.infer<typeof PackedImage>;

export const PackMember = z.object({
  path: MemberPath,
  kind: z.enum(['release', 'node-image', 'image', 'kubectl']),
  /** As it lies in the pack, compressed. */
  bytes: Bytes,
  sha256: Sha256,
  compression: z.enum(COMPRESSIONS),
  /** Uncompressed. */
  contentBytes: Bytes,
  contentSha256: Sha256,
  /** SPDX expression; absent: not known to unet. */
  licence: z.string().max(200).optional(),
  version: z.string().max(100).optional(),
  /** Of an image archive. */
  images: z.array(PackedImage).max(50).optional(),
});
export type PackMember = z.infer<typeof PackMember>;

export const PackManifest = z
  .object({
    format: z.literal('unet-pack'),
    version: z.literal(PACK_VERSION),
    created: z.iso.datetime(),
    unet: z.string(),
    /** As in container images: amd64, arm64. */
    architecture: z.string().max(30),
    release: z.object({
      /** What `--release` was. A directory's or archive's path is where it lay when it was packed. */
      reference: z.string(),
      description: z.string(),
      /** Of its canonical tar: the same content has the same. */
      sha256: Sha256,
    }),
    /** Version of Kubernetes in the node image, as far as the release tells: `v1.34.2`. */
    kubernetes: z.string().max(50).optional(),
    members: z.array(PackMember).min(1).max(300),
  })
  .refine(({ members }) => new Set(members.map(({ path }) => path)).size === members.length, {
    message: 'a member is there twice',
  })
  .refine(({ members }) => members.filter(({ kind }) => kind === 'release').length === 1, {
    message: 'it takes one release',
  });
export type PackManifest = z.infer<typeof PackManifest>;

/** The first lines of any manifest, of whatever version. */
export const AnyManifest = z.object({
  format: z.literal('unet-pack'),
  version: z.number(),
  unet: z.string(),
});
