/** What one bundle of a process leaves for another: they have no modules in common, and so no variables. */

export type HandedOn<T> = {
  leave: (value: T) => void;
  /** Once. */
  take: () => T | undefined;
  /** Leaves it there. */
  peek: () => T | undefined;
};

/** @param name the same on both sides. */
export function handedOn<T extends object>(name: string): HandedOn<T> {
  const key = Symbol.for(`unet.${name}`);
  const holder = globalThis as { [key]?: T | undefined };
  return {
    leave: (value) => {
      holder[key] = value;
    },
    take: () => {
      const value = holder[key];
      holder[key] = undefined;
      return value;
    },
    peek: () => holder[key],
  };
}
