/** The end of the node's container is said to the supervisor, unless the node is being taken down. */
import { containerEnd } from '../engine/watch-container.ts';
import { UnetError } from '../errors.ts';
import { type NodeContext, need } from './context.ts';

/** Watches until the container ends, `context.endWatch` is called, or `stopping` aborts. Never rejects. */
export async function watchContainer(context: NodeContext, stopping: AbortSignal): Promise<void> {
  context.endWatch?.();
  const over = new AbortController();
  context.endWatch = () => over.abort();
  const { spec, node } = context;
  const signal = AbortSignal.any([stopping, over.signal]);
  try {
    const problem = await containerEnd(need(context.nodeEngine, 'the compose command'), {
      jobId: spec.jobId,
      node,
      env: context.environment(),
      timeoutMs: spec.stepTimeouts.up,
      signal,
    });
    context.send({ type: 'container-ended', error: problem.with({ node }).toRecord() });
  } catch (error) {
    if (!signal.aborted) {
      const message = `the node's container is not watched: ${UnetError.from(error).message}`;
      context.send({ type: 'warning', message });
    }
  }
}
