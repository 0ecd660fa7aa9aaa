"""Turn jobs with flux-kube=1 into jobs on "kubernetes": no allocation, started and finished by "unet kube daemon"."""

import os

import flux
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
    handle = None

    def frob(self, jobspec, userid, urgency, flags):
        if jobspec.attributes.get("system", {}).get("flux-kube") != 1:
            return
        if userid != os.getuid():
            template = jobspec.tasks[0]["command"][0]
            raise ValueError(
                "flux-kube=1 is for the instance's owner; "
                f"submit an ordinary job instead: flux submit unet kube run {template}"
            )
        # Otherwise it would be given nodes of the instance, and hold them until somebody cancels it.
        if not self.bypasses_allocation():
            raise ValueError(
                "flux-kube=1 needs the plugin alloc-bypass.so, which is not loaded since this instance has started; "
                'start "unet kube daemon", which loads it, or "flux jobtap load alloc-bypass.so", and submit again'
            )
        jobspec.setattr("system.alloc-bypass.R", R)
        # No duration: the daemon ends it, and knows when.
        jobspec.setattr("system.exec.test", {"override": 1, "run_duration": "0"})

    def bypasses_allocation(self):
        if self.handle is None:
            self.handle = flux.Flux()
        # What "flux jobtap list" asks.
        loaded = self.handle.rpc("job-manager.jobtap", {"query_only": True}).get()
        return any("alloc-bypass" in plugin for plugin in loaded["plugins"])
