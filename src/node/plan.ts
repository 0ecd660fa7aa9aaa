/** What a node does, top to bottom. A list within the list runs at the same time. */
import type { Step } from './context.ts';
import { awaitJoin } from './steps/await-join.ts';
import { boot } from './steps/boot.ts';
import { cni } from './steps/cni.ts';
import { init } from './steps/init.ts';
import { join } from './steps/join.ts';
import { kubeconfig } from './steps/kubeconfig.ts';
import { publish } from './steps/publish.ts';
import { stage } from './steps/stage.ts';
import { up } from './steps/up.ts';

export type Plan = readonly (Step | readonly Step[])[];

export const LEAD_PLAN: Plan = [stage, up, boot, init, [cni, publish, kubeconfig]];

export const WORKER_PLAN: Plan = [stage, up, boot, awaitJoin, join];
