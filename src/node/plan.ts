/** What a node does, top to bottom. A list within the list runs at the same time. */
import type { NodeContext, Step } from './context.ts';
import { identify } from './identify.ts';
import { runPlan } from './run-plan.ts';
import { awaitJoin } from './steps/await-join.ts';
import { boot } from './steps/boot.ts';
import { cni } from './steps/cni.ts';
import { images } from './steps/images.ts';
import { init } from './steps/init.ts';
import { join } from './steps/join.ts';
import { kubeconfig } from './steps/kubeconfig.ts';
import { load } from './steps/load.ts';
import { publish } from './steps/publish.ts';
import { stage } from './steps/stage.ts';
import { up } from './steps/up.ts';

export type Plan = readonly (Step | readonly Step[])[];

/** Before the node knows its ports and names: the supervisor may still wait for others. */
const EVERY_NODE: Plan = [stage, load];

// The workers wait for the record: it goes first.
const LEAD: Plan = [up, boot, [images, init], [publish, kubeconfig, cni]];

const WORKER: Plan = [up, boot, [images, awaitJoin], join];

/** Runs a node's plan; on a later try the same plan without the steps whose work is there. */
export async function bringNodeUp(context: NodeContext, signal: AbortSignal): Promise<void> {
  context.tries += 1;
  await runPlan(wanted(EVERY_NODE, context), context, signal);
  await identify(context, signal);
  await runPlan(wanted(context.isLead ? LEAD : WORKER, context), context, signal);
}

/** The steps that have something to do on this node. */
function wanted(plan: Plan, context: NodeContext): Plan {
  const applies = (step: Step) => step.applies?.(context) ?? true;
  return plan.flatMap((item) =>
    'run' in item ? (applies(item) ? [item] : []) : [item.filter((step) => applies(step))],
  );
}
