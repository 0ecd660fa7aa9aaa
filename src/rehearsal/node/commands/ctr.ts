import type { CommandRun } from '../commands.ts';

const client = `Client:
  Version:  v1.7.24
  Revision: 88bf19b2105c8b17560993bee28a01ddc2f97182
  Go version: go1.22.9

`;

/** `ctr version`: whether containerd answers yet. */
export async function ctrVersion({ machine, out, err }: CommandRun): Promise<number> {
  out(client);
  if (!machine.booted) {
    err(
      'ctr: failed to dial "/run/containerd/containerd.sock": connection error: desc = "transport: error while dialing: dial unix /run/containerd/containerd.sock: connect: no such file or directory"\n',
    );
    return 1;
  }
  out(`Server:
  Version:  v1.7.24
  Revision: 88bf19b2105c8b17560993bee28a01ddc2f97182
  UUID: 2f4f5f0e-2d0a-4f3f-9b0e-6a3b1c1f0a11
`);
  return 0;
}
