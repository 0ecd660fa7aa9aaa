/** Whether a path is on a filesystem that other hosts share, by what the kernel says of it. */
import { statfs } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { errnoOf } from '../errors.ts';

/** statfs(2) f_type, from linux/magic.h and the filesystems' own sources. */
const NETWORK: Readonly<Record<number, string>> = {
  26985: 'NFS', // 0x6969
  198183888: 'Lustre', // 0x0bd00bd0
  1196443219: 'GPFS', // 0x47504653
  428016422: 'BeeGFS', // 0x19830326
  12805120: 'CephFS', // 0x00c36400
  1702057286: 'FUSE', // 0x65735546: sshfs, GlusterFS; also some that are local
  4283649346: 'CIFS', // 0xff534d42
  4266872130: 'SMB', // 0xfe534d42
  16914839: '9P', // 0x01021997
  1397113167: 'AFS', // 0x5346414f
  2866260714: 'PanFS', // 0xaad7aaea
  537068840: 'OrangeFS', // 0x20030528
};

/** Its name, such as "NFS"; undefined when it is local. What is not there yet counts as its nearest parent. */
export async function networkFilesystem(path: string): Promise<string | undefined> {
  for (let at = resolve(path); ; at = dirname(at)) {
    try {
      // Signed on some architectures.
      return NETWORK[(await statfs(at)).type >>> 0];
    } catch (error) {
      if (errnoOf(error) !== 'ENOENT' || at === dirname(at)) {
        throw error;
      }
    }
  }
}
