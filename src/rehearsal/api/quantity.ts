/** Amounts of a resource as Kubernetes writes them: `500m`, `64Mi`, `1e3`. */

const suffixes: Readonly<Record<string, number>> = {
  n: 1e-9,
  u: 1e-6,
  m: 1e-3,
  '': 1,
  k: 1e3,
  M: 1e6,
  G: 1e9,
  T: 1e12,
  P: 1e15,
  E: 1e18,
  Ki: 2 ** 10,
  Mi: 2 ** 20,
  Gi: 2 ** 30,
  Ti: 2 ** 40,
  Pi: 2 ** 50,
  Ei: 2 ** 60,
};

/** The amount in base units (cores, bytes, pieces); undefined for what is not a quantity. */
export function parseQuantity(value: unknown): number | undefined {
  const match = /^([+-]?(?:\d+\.?\d*|\.\d+))(?:([numkMGTPE]|[KMGTPE]i)|[eE]([+-]?\d+))?$/.exec(String(value));
  if (match === null) return undefined;
  const [, number, suffix = '', exponent = '0'] = match;
  return Number(number) * (suffixes[suffix] ?? 1) * 10 ** Number(exponent);
}

/** The shortest exact form: thousandths of a core, binary multiples of bytes, plain numbers. */
export function formatQuantity(resource: string, amount: number): string {
  if (/(^|\.)cpu$/.test(resource)) {
    const milli = Math.round(amount * 1000);
    return milli % 1000 === 0 ? String(milli / 1000) : `${milli}m`;
  }
  if (!/(memory|storage)$/.test(resource) || amount === 0) return String(amount);
  const unit = ['Gi', 'Mi', 'Ki'].find((name) => Number.isInteger(amount / (suffixes[name] ?? 1)));
  return unit === undefined ? String(Math.ceil(amount)) : `${amount / (suffixes[unit] ?? 1)}${unit}`;
}
