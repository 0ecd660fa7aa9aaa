/** Versions as engines and compose clients print them: "4.3.1", "v2.24.5-desktop.1", "20.10.24+dfsg1". */

export type Version = readonly [major: number, minor: number];

/** The first version in a text; undefined when there is none. */
export function findVersion(text: string): { text: string; version: Version } | undefined {
  const [, whole, major, minor] = /\bv?((\d+)\.(\d+)(?:\.\d+)?)/.exec(text) ?? [];
  return whole === undefined ? undefined : { text: whole, version: [Number(major), Number(minor)] };
}

export function isAtLeast([major, minor]: Version, [leastMajor, leastMinor]: Version): boolean {
  return major > leastMajor || (major === leastMajor && minor >= leastMinor);
}
