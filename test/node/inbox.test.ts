import { describe, expect, it } from 'vitest';
import { createInbox } from '../../src/node/inbox.ts';

const never = new AbortController().signal;

describe('an inbox', () => {
  it('gives what has come before it was asked for, in order', async () => {
    const inbox = createInbox();
    inbox.deliver({ type: 'claim', slot: 1, round: 1 });
    inbox.deliver({ type: 'usable' });
    inbox.deliver({ type: 'claim', slot: 2, round: 2 });
    expect(await inbox.take('claim', never)).toMatchObject({ slot: 1 });
    expect(await inbox.take('claim', never)).toMatchObject({ slot: 2 });
    expect(await inbox.take('usable', never)).toEqual({ type: 'usable' });
  });

  it('gives what comes after it was asked for, once', async () => {
    const inbox = createInbox();
    const first = inbox.take('usable', never);
    const abort = new AbortController();
    const second = inbox.take('usable', abort.signal);
    inbox.deliver({ type: 'usable' });
    expect(await first).toEqual({ type: 'usable' });
    abort.abort(new Error('nothing more'));
    await expect(second).rejects.toThrow('nothing more');
  });

  it('leaves what is meant for another node', async () => {
    const inbox = createInbox();
    const own = inbox.take('grant', never, ({ node }) => node === 'n1');
    inbox.deliver({ type: 'grant', node: 'n2', turn: 1 });
    inbox.deliver({ type: 'grant', node: 'n1', turn: 1 });
    expect(await own).toEqual({ type: 'grant', node: 'n1', turn: 1 });
    expect(await inbox.take('grant', never)).toEqual({ type: 'grant', node: 'n2', turn: 1 });
  });

  it('does not give a message to somebody who has stopped waiting', async () => {
    const inbox = createInbox();
    const abort = new AbortController();
    const gone = inbox.take('usable', abort.signal);
    abort.abort(new Error('gone'));
    await expect(gone).rejects.toThrow('gone');
    inbox.deliver({ type: 'usable' });
    expect(await inbox.take('usable', never)).toEqual({ type: 'usable' });
  });

  it('keeps nothing of what is not wanted any more', async () => {
    const inbox = createInbox();
    inbox.deliver({ type: 'release-part', data: 'x' });
    inbox.discard('release-part');
    inbox.deliver({ type: 'release-part', data: 'y' });
    const abort = new AbortController();
    const asked = inbox.take('release-part', abort.signal);
    abort.abort(new Error('nothing'));
    await expect(asked).rejects.toThrow('nothing');
  });
});
