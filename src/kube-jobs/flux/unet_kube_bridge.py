"""The daemon's ear and mouth in a Flux instance, where only libflux has them: the journal of all jobs' events, and jobs' output.

Writes one JSON object a line to stdout: {"ready"}, each event of a job with flux-kube=1, and {"current"} between those of the past
and those of now. Reads {"id", "stream", "data"} from stdin, one a line: appended to that job's output (RFC 24). Ends with its stdin.
Exit code 3: another daemon has the instance. With --output-only there is no journal, and any number may run.
"""

import json
import os
import sys
import time

import flux
from flux.constants import FLUX_KVS_APPEND, FLUX_POLLIN
from flux.core.inner import raw
from flux.future import Future
from flux.job import JobID, JournalConsumer

SERVICE = "unet-kube"
HEADER = {
    "version": 1,
    "encoding": {"stdout": "UTF-8", "stderr": "UTF-8"},
    "count": {"stdout": 1, "stderr": 1},
    "options": {},
}


def say(message):
    print(json.dumps(message), flush=True)


def entry(name, context):
    return json.dumps({"timestamp": time.time(), "name": name, "context": context}) + "\n"


class Output:
    def __init__(self, handle):
        self.handle = handle
        self.begun = set()

    def exists(self, namespace):
        try:
            flux.kvs.get_key_direct(self.handle, "output", namespace=namespace)
            return True
        except OSError:
            return False

    def append(self, jobid, stream, data):
        namespace = f"job-{jobid}"
        text = entry("data", {"stream": stream, "rank": "0", "data": data})
        if jobid not in self.begun:
            self.begun.add(jobid)
            if not self.exists(namespace):
                text = entry("header", HEADER) + text
        txn = raw.flux_kvs_txn_create()
        try:
            raw.flux_kvs_txn_put(txn, FLUX_KVS_APPEND, "output", text)
            Future(raw.flux_kvs_commit(self.handle, namespace, 0, txn)).get()
            return None
        except OSError as error:
            return str(error)
        finally:
            raw.flux_kvs_txn_destroy(txn)


def main():
    handle = flux.Flux()
    follows = "--output-only" not in sys.argv
    if follows:
        try:
            handle.service_register(SERVICE).get()
        except OSError:
            sys.exit(3)
    say({"ready": True})
    ours = set()
    output = Output(handle)
    pending = b""

    def on_event(event):
        if event is None:
            handle.reactor_stop()
            return
        if event.is_empty():
            say({"current": True})
            return
        jobid = int(event.jobid)
        if event.name == "submit":
            system = (event.jobspec or {}).get("attributes", {}).get("system", {})
            if system.get("flux-kube") != 1:
                return
            ours.add(jobid)
        if jobid not in ours:
            return
        message = {
            "id": str(jobid),
            "f58": JobID(jobid).f58plain,
            "name": event.name,
            "timestamp": event.timestamp,
            "context": event.context,
        }
        if event.name == "submit":
            message["jobspec"] = event.jobspec
        say(message)
        if event.name == "clean":
            ours.discard(jobid)

    def on_input(handle, watcher, fd, revents, args):
        nonlocal pending
        data = os.read(fd, 65536)
        if not data:
            handle.reactor_stop()
            return
        *lines, pending = (pending + data).split(b"\n")
        for line in lines:
            message = json.loads(line)
            error = output.append(int(message["id"]), message["stream"], message["data"])
            say({"written": message["seq"], "error": error})

    if follows:
        journal = JournalConsumer(handle, full=True, include_sentinel=True).start()
        journal.set_callback(on_event)
    watcher = handle.fd_watcher_create(0, on_input, events=FLUX_POLLIN)
    watcher.start()
    handle.reactor_run()


if __name__ == "__main__":
    main()
