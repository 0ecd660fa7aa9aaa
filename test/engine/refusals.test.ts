import { expect, it } from 'vitest';
import { refusalOf } from '../../src/engine/refusals.ts';

// As upstream's check-preflight.sh prints them.
const error = (text: string) => `\u001b[101m\u001b[97m[ERROR]\u001b[49m\u001b[39m ${text}\n`;
const warning = (text: string) => `\u001b[101m\u001b[97m[WARNING]\u001b[49m\u001b[39m ${text}\n`;

it.each([
  [error('Needs cgroup v2, see https://rootlesscontaine.rs/'), 'UNET_CGROUP', 'unified_cgroup_hierarchy'],
  [
    error('systemd not running? file not found: /sys/fs/cgroup/user.slice/…/cgroup.controllers'),
    'UNET_USER_SESSION',
    'enable-linger',
  ],
  [error('Command "jq" is not installed'), 'UNET_TOOL_MISSING', 'install jq'],
  [error('No container engine was detected'), 'UNET_ENGINE_MISSING', 'rootless Docker'],
  ['\t[ERROR SystemVerification]: missing required cgroups: memory\n', 'UNET_CGROUP', 'cgroup.controllers'],
])('%j is %s', (output, code, remedy) => {
  const refusal = refusalOf(
    `./Makefile.d/check-preflight.sh\n${output}make: *** [Makefile:9: check-preflight] Error 1\n`,
  );
  expect(refusal).toMatchObject({ code, exitCode: 3, fatal: true });
  expect(refusal?.details.remedy).toContain(remedy);
});

it('a warning refuses nothing', () => {
  expect(refusalOf(warning('Command "kubectl" is not installed') + error('something else'))).toBeUndefined();
});
