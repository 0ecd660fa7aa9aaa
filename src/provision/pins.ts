/** The releases of Usernetes that unet knows: what they are to the byte, and what they ask for. */

/** One tag of upstream's repository. */
export type Pin = {
  tag: string;
  /** What the tag pointed to when it was pinned; tags can be moved. */
  commit: string;
  /** Of unet's own archive of the tree (src/provision/archive.ts): the same from a clone, a tarball or a directory. */
  sha256: string;
  /** Of the node image (Dockerfile, BASE_IMAGE). */
  kubernetes: string;
  /** Oldest versions, by the release's README. */
  engines: { docker: string; podman: string; nerdctl: string };
  /** The kubelet refuses cgroup v1 from Kubernetes 1.35 on. Rootless, all of them need delegation, and so v2. */
  cgroup: 'v1, v2' | 'v2';
};

export const UPSTREAM = 'https://github.com/rootless-containers/usernetes';

/** The release that is used when none is named: the newest whose outputs are among the recorded ones. */
export const DEFAULT_RELEASE = 'gen2-v20250828.0';

const ENGINES = { docker: '20.10', podman: '4', nerdctl: '1.6' };

/** Newest first. Older ones lack a table of engines in their README. */
export const PINS: readonly Pin[] = [
  pin(
    'gen2-v20251218.0',
    '1.35.0',
    '9658658396ec51fe74a8e9f2bc0b62792a7223e5',
    '1f3ebf54528f0a6bb3e66de78d35bd6281dab32a543f955ffde1d388a571ad26',
  ),
  pin(
    'gen2-v20250828.0',
    '1.34.0',
    'ed45d3361d200911bc5beee6156b9381087ef96f',
    'ff17789c0168667bc4e7d50e0ef3c83aca8ac83911713aba470dbbe21ba928eb',
  ),
  pin(
    'gen2-v20250630.0',
    '1.33.1',
    'd0eb4ed14d591839fa911b3c086fcb2d23cfbe03',
    'a6647661cfa6a4ca2b976fe1abca210e3f973344f4b402bdc6d100238d73e3cf',
  ),
  pin(
    'gen2-v20250501.0',
    '1.33.0',
    'e337e8deedb7e00bf76501e3f3f7d9a6ec0d4bdd',
    '3d4f93e13a48d1871f65e628f51644aec9cd87142959235fca900e314f48fdd2',
  ),
  pin(
    'gen2-v20250210.0',
    '1.32.1',
    'b259da818f84fe33fe9ea32c71c9ea7317d467cc',
    'f7604ddca2d154d6dfdd8ca50d443589c584e8c74dcef03d372a730ca6217bb4',
  ),
  pin(
    'gen2-v20241212.0',
    '1.32.0',
    '85c2d1d4fcfe8fc1884f7a17734f5e626e1d8498',
    '43dc04187b6123c679c6cd32ca42aa6579ca22c5855c446fbb12d26342a2c442',
  ),
  pin(
    'gen2-v20241211.0',
    '1.31.2',
    'c03d70a2c2353b7853c32bb9f770a540ae8dcf52',
    '6d8af1d1cce49e148ec88d2a1c9b153f9a39971d4621e4d0274ddc2b55e07648',
  ),
  pin(
    'gen2-v20241203.0',
    '1.31.2',
    'd1186554ee7dca87af8a8928995bf642cfdd7bed',
    '147c3f3ef3ded4e5c62ae2449e07c3832cc22fdddb8c5da01f0f378f3f44602d',
  ),
  pin(
    'gen2-v20240814.0',
    '1.31.0',
    '43214ce9e353a3a6a86a727c72183f2ceec53129',
    'd6e12d6f4b836ed63e0b0b43c0a58df72c4ab47d0d03d95732a042a28de84dee',
  ),
  pin(
    'gen2-v20240527.0',
    '1.30.0',
    '4cf756409f4bbe8410e937e2c531951045f51bc0',
    '7dfe857a371a83a59f08c4fa7236d66ac693cc77a1586e4f6cf661e5673de9b9',
  ),
  pin(
    'gen2-v20240410.0',
    '1.29.2',
    '65e72f60d2a594dd76676795a42031cee8dba3c4',
    'e3a391876ea389da45e33847dd8b20139b95bd0f1f176bc71b811ede234ba4e0',
  ),
  pin(
    'gen2-v20240404.1',
    '1.29.2',
    'b5e19ab228538863ae1c0f9298b2c1b602e8daa0',
    'cc987afc5894c075abb78121f5e4bdb21d5e7390d4747b1de53eab634441b552',
  ),
  pin(
    'gen2-v20240203.0',
    '1.29.1',
    'a0ce8e378dc821500a47e831229ae3b172a7f16d',
    '006a68fc5510982c6dc30547c057e9d6f581b9f12cf6c7978ccd8a6220df6a4e',
  ),
  pin(
    'gen2-v20231218.0',
    '1.29.0',
    '810d71e5d9610038e41280efd82d8ae5a1cd7e18',
    '11741ff2496dd0adc846324459240f629befccb3f136521e7251c95bb8d3f1d5',
  ),
  pin(
    'gen2-v20230919.0',
    '1.28.0',
    '72e178dc3bee7253e1d7b8b9b1c8b7b2780c6be9',
    '3a34fcbef7919f014a57a59ac71d30fba2ed2a1bec77cd83369fdad9bfb0ebee',
  ),
];

// The same repository by its other names.
const UPSTREAM_NAMES =
  /^(https:\/\/|ssh:\/\/(git@)?|git@)github\.com[/:]rootless-containers\/usernetes(\.git)?\/?$/i;
const SHORTEST_COMMIT = 7;

/** Whether it is Usernetes' own repository. */
export function isUpstream(url: string): boolean {
  return UPSTREAM_NAMES.test(url);
}

/** The pin of a tag or commit of upstream's repository, under whatever name; undefined: it has none. */
export function pinOf(url: string, ref: string): Pin | undefined {
  if (!isUpstream(url)) {
    return undefined;
  }
  const isCommit = ref.length >= SHORTEST_COMMIT && /^[0-9a-f]+$/.test(ref);
  return PINS.find(({ tag, commit }) => tag === ref || (isCommit && commit.startsWith(ref)));
}

function pin(tag: string, kubernetes: string, commit: string, sha256: string): Pin {
  const minor = Number(kubernetes.split('.')[1]);
  return { tag, commit, sha256, kubernetes, engines: ENGINES, cgroup: minor >= 35 ? 'v2' : 'v1, v2' };
}
