import { describe, expect, it } from 'vitest';
import { askedOf } from '../../src/hooks/opt-in.ts';

const askedByJobspec = (text: string) => askedOf('flux', text, {});
const askedBySlurm = (comment: string, SLURM_JOB_CONSTRAINTS: string) =>
  askedOf('slurm', comment, { SLURM_JOB_CONSTRAINTS });

const jobspec = (usernetes: unknown) => JSON.stringify({ attributes: { user: { usernetes } } });

describe('a jobspec asks for a cluster', () => {
  it.each(['yes', 'true', '1', 1, true])('by the attribute %s', (value) => {
    expect(askedByJobspec(jobspec(value))).toEqual({});
  });

  it.each(['no', '0', 0, false, null, ''])('not by the attribute %s', (value) => {
    expect(askedByJobspec(jobspec(value))).toBeUndefined();
  });

  it('not without the attribute, also if the word stands elsewhere', () => {
    expect(askedByJobspec('{"attributes":{"system":{"environment":{"usernetes":"yes"}}}}')).toBeUndefined();
    expect(askedByJobspec('{"tasks":[{"command":["usernetes"]}]}')).toBeUndefined();
  });

  it('with settings, by the names of unet.yaml', () => {
    const asked = askedByJobspec(jobspec({ nodes: 4, 'min-nodes': '3', min_nodes: 3, release: 'rehearsal' }));
    expect(asked).toEqual({ nodes: '4', minNodes: '3', release: 'rehearsal' });
  });

  it.each(['maybe', ['yes'], 7])('not by %s, which is said', (value) => {
    expect(() => askedByJobspec(jobspec(value))).toThrow(/neither yes nor settings/);
  });

  it.each(['', 'no json', '{'])('not in "%s", which is said', (text) => {
    expect(() => askedByJobspec(text)).toThrow('the jobspec is not JSON');
  });

  it('never for what is not a matter of the job', () => {
    expect(() => askedByJobspec(jobspec({ allocation: 'local' }))).toThrow(
      'cannot ask its prolog for "allocation"',
    );
  });
});

describe('a Slurm job asks for a cluster', () => {
  it.each(['usernetes', ' usernetes ', 'usernetes,'])('by the comment "%s"', (comment) => {
    expect(askedBySlurm(comment, '')).toEqual({});
  });

  it.each([
    'usernetes nodes=4 release=rehearsal',
    'usernetes,nodes=4,release=rehearsal',
    'usernetes: nodes=4, release=rehearsal',
  ])('with settings: "%s"', (comment) => {
    expect(askedBySlurm(comment, '')).toEqual({ nodes: '4', release: 'rehearsal' });
  });

  it.each(['', 'no usernetes today', 'usernetes2', 'my-usernetes'])('not by the comment "%s"', (comment) => {
    expect(askedBySlurm(comment, '')).toBeUndefined();
  });

  it.each(['usernetes', 'gpu&usernetes', '[usernetes*2&gpu*1]', 'usernetes|x'])(
    'by the constraint "%s"',
    (features) => {
      expect(askedBySlurm('', features)).toEqual({});
    },
  );

  it.each(['usernetes-not', 'nousernetes', 'gpu'])('not by the constraint "%s"', (features) => {
    expect(askedBySlurm('', features)).toBeUndefined();
  });

  it('and a word that is no setting is said', () => {
    expect(() => askedBySlurm('usernetes node=4', '')).toThrow(/did you mean nodes/);
    expect(() => askedBySlurm('usernetes please', '')).toThrow(/cannot ask its prolog for "please"/);
  });
});
