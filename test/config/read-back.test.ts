import fc from 'fast-check';
import { expect, it } from 'vitest';
import { ParsedSettings } from '../../src/config/read-back.ts';
import { Settings } from '../../src/config/schema.ts';
import { SupervisorRequest } from '../../src/protocol/supervisor-request.ts';

it('settings that another process has parsed are read back as they are, durations too', () => {
  fc.assert(
    fc.property(
      fc.record({
        timeout: fc.integer({ min: 1, max: 2 ** 31 - 1 }).map((ms) => `${ms}ms`),
        nodes: fc.integer({ min: 1, max: 256 }),
        retain: fc.boolean(),
        mount: fc.constantFrom([], ['/a:/b:ro']),
        stepTimeouts: fc.constantFrom({}, { join: '90s' }, { hello: '1ms' }),
      }),
      (given) => {
        const settings = Settings.parse(given);
        expect(ParsedSettings.parse(JSON.parse(JSON.stringify(settings)))).toEqual(settings);
      },
    ),
  );
});

it('a request that is not one is refused', () => {
  const settings = Settings.parse({});
  const allocation = { kind: 'local', jobId: 'local-x', nodes: ['node-0'] };
  const request = { allocation, settings, jobDir: '/j', unet: '0', cwd: '/' };
  expect(SupervisorRequest.parse(JSON.parse(JSON.stringify(request)))).toEqual(request);
  expect(() => SupervisorRequest.parse({ ...request, allocation: {} })).toThrow();
  expect(() => SupervisorRequest.parse({ ...request, settings: { timeout: 'soon' } })).toThrow();
});
