/** Processor architectures by the names that container images have for them. */
import { UnetError } from '../errors.ts';

// Of Node's names those that differ; https://pkg.go.dev/internal/goarch has the others.
const NAMES: Partial<Record<NodeJS.Architecture, string>> = { x64: 'amd64', ia32: '386', ppc64: 'ppc64le' };

// e_machine of elf(5), for what runs Kubernetes.
const ELF_MACHINES: Record<number, string> = {
  62: 'amd64',
  183: 'arm64',
  21: 'ppc64le',
  22: 's390x',
  243: 'riscv64',
};

/** Of this machine. */
export function ownArchitecture(): string {
  return NAMES[process.arch] ?? process.arch;
}

/** Of a program, from its first 20 bytes; undefined for a script, or a machine that is not known here. */
export function elfArchitecture(head: Buffer): string | undefined {
  const isElf = head.length >= 20 && head.subarray(0, 4).equals(Buffer.from('\u007fELF', 'latin1'));
  const machine = head[5] === 2 ? head.readUInt16BE(18) : head.readUInt16LE(18);
  return isElf ? ELF_MACHINES[machine] : undefined;
}

/** @throws UnetError UNET_PACK_ARCHITECTURE when `found` is another than `wanted`. */
export function sameArchitecture(what: string, found: string, where: string, wanted: string): void {
  if (found !== wanted) {
    throw new UnetError('UNET_PACK_ARCHITECTURE', `${what} is for ${found}, and ${where} is ${wanted}`, {
      fatal: true,
      remedy: `make a pack for ${wanted}: run unet pack on a machine like the compute nodes`,
    });
  }
}
