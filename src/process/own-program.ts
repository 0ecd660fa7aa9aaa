/** This very unet, to be started again: by the same Node, from the same file. */

export function ownProgram(): [node: string, script: string] {
  return [process.execPath, process.argv[1] ?? 'unet'];
}
