/** A worker's turn to join, of which the supervisor gives a number at the same time. */
import type { NodeContext } from './context.ts';

/** Asks for the next turn, and returns its number: an answer to an earlier question, of a try that was given up, is another one's. */
export function askForTurn(context: Pick<NodeContext, 'turnsAsked' | 'send'>): number {
  context.turnsAsked += 1;
  context.send({ type: 'request-join', turn: context.turnsAsked });
  return context.turnsAsked;
}
