"""Processor time of a switch's threads, libcallprint's (callprint-…) apart from the others: for the benches of the adapters."""

import os
import time


def used_s(pid):
    """Of every thread: its name, and the seconds that it has used, to the nanosecond."""
    threads = {}
    for task in os.listdir(f"/proc/{pid}/task"):
        try:
            with open(f"/proc/{pid}/task/{task}/comm") as comm, open(f"/proc/{pid}/task/{task}/schedstat") as stat:
                threads[task] = comm.read(), int(stat.read().split()[0]) / 1e9
        except (FileNotFoundError, ProcessLookupError):
            pass  # it has ended
    return threads


def shares(pid, seconds, calls):
    """What a call costs for that long, in percent of a core: the switch's own threads, libcallprint's."""
    before, began = used_s(pid), time.monotonic()
    time.sleep(seconds)
    after, took = used_s(pid), time.monotonic() - began
    spent = {True: 0.0, False: 0.0}
    for task, (name, used) in after.items():
        spent[name.startswith("callprint-")] += used - before.get(task, (name, 0.0))[1]
    return [100 * spent[ours] / took / calls for ours in (False, True)]
