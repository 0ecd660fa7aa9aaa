"""Turn jobs with flux-kube=1 into jobs on "kubernetes": no allocation, started and finished by "unet kube daemon"."""

import os

from flux.job.frobnicator import FrobnicatorPlugin

R = {
    "version": 1,
    "execution": {
        "R_lite": [{"rank": "0", "children": {"core": "0"}}],
        "starttime": 0.0,
        "expiration": 0.0,
        "nodelist": ["kubernetes"],
    },
}


class Frobnicator(FrobnicatorPlugin):
    def frob(self, jobspec, userid, urgency, flags):
        if jobspec.attributes.get("system", {}).get("flux-kube") != 1:
            return
        if userid != os.getuid():
            template = jobspec.tasks[0]["command"][0]
            raise ValueError(
                "flux-kube=1 is for the instance's owner; "
                f"submit an ordinary job instead: flux submit unet kube run {template}"
            )
        jobspec.setattr("system.alloc-bypass.R", R)
        # No duration: the daemon ends it, and knows when.
        jobspec.setattr("system.exec.test", {"override": 1, "run_duration": "0"})
