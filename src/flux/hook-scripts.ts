/** The part of Flux's prolog, epilog and housekeeping that is its own: POSIX shell, in which src/hooks/script.ts has defined as_user and give_up. */
import type { HookName } from '../scheduler/hooks.ts';

export function fluxHookBody(hook: HookName): string {
  return hook === 'prolog' ? prolog() : epilog();
}

// "flux job info" is one question to rank 0 for each node, as the job's shell asks it too. It is the job's user who asks: root may read a guest's
// jobspec only where access.allow-root-owner says so. A job of which nobody knows what it asks for is not failed.
const prolog = () => `
if [ -z "\${FLUX_JOB_ID-}" ] || [ -z "\${FLUX_JOB_USERID-}" ]; then give_up 'Flux names no job'; fi
jobspec=$(wants=answer; as_user "$FLUX_JOB_USERID" / \${FLUX_URI+"FLUX_URI=$FLUX_URI"} "$flux" job info "$FLUX_JOB_ID" jobspec < /dev/null) || {
  tell "no jobspec of $FLUX_JOB_ID"
  exit 0
}
case $jobspec in
*'"usernetes"'*) ;;
*) exit 0 ;;
esac
# flux-prolog@.service ends what is left in its control group when the script has ended.
if [ -d /run/systemd/system ] && command -v systemd-run > /dev/null; then
  scope='systemd-run --quiet --scope --collect --'
fi
printf '%s' "$jobspec" | as_user "$FLUX_JOB_USERID" / "FLUX_JOB_ID=$FLUX_JOB_ID" \${FLUX_URI+"FLUX_URI=$FLUX_URI"} \\
  "$node" "$unet" node up --scheduler flux || give_up "job $FLUX_JOB_ID gets no cluster (exit code $?)"
exit 0
`;

const epilog = () => `
if [ -z "\${FLUX_JOB_ID-}" ] || [ -z "\${FLUX_JOB_USERID-}" ]; then exit 0; fi
decimal=$("$flux" job id --to=dec "$FLUX_JOB_ID") || exit 0
if [ ! -e "/tmp/unet-$FLUX_JOB_USERID/flux-$decimal" ]; then exit 0; fi
as_user "$FLUX_JOB_USERID" / "FLUX_JOB_ID=$FLUX_JOB_ID" \${FLUX_URI+"FLUX_URI=$FLUX_URI"} \\
  "$node" "$unet" node down --scheduler flux --deadline "$((deadline - deadline / 6))s" < /dev/null
left=$?
# The job's namespace has become a part of its record, which is the instance owner's.
record=$("$flux" job id --to=kvs "$FLUX_JOB_ID") &&
  timeout 10 "$flux" kvs unlink -R -f "$record.guest.unet" > /dev/null 2>&1
if [ "$left" != 0 ]; then give_up "something of job $FLUX_JOB_ID is left (exit code $left)"; fi
exit 0
`;
