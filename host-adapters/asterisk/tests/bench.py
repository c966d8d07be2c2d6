"""What listening costs Asterisk's own threads, in percent of a core per call.

100 calls are made three times: plain, listened to, plain. The threads of libcallprint (callprint-…) are counted apart. 
It is run by tests/run.sh sid --bench.
"""

import os
import time

from load import Load

CALLS = 100
SECONDS = 20


def used(pid):
    """Processor time of libcallprint's threads, and of all others, in s."""
    ours = others = 0.0
    for task in os.listdir(f"/proc/{pid}/task"):
        try:
            with open(f"/proc/{pid}/task/{task}/stat") as file:
                text = file.read()
        except FileNotFoundError:
            continue
        name, fields = text[text.index("(") + 1 : text.rindex(")")], text[text.rindex(")") + 2 :].split()
        spent = (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
        if name.startswith("callprint"):
            ours += spent
        else:
            others += spent
    return ours, others


def measure(switch, load, extension):
    load.start(extension, calls=CALLS, at_once=CALLS, per_second=50, hang_up_ms=None)
    time.sleep(CALLS / 50 + 2)
    begin, began = used(switch.process.pid), time.monotonic()
    time.sleep(SECONDS)
    end, seconds = used(switch.process.pid), time.monotonic() - began
    channels, heard = switch.channels(), int(switch.status("in_analysis"))
    load.stop()
    switch.cli("channel request hangup all")
    switch.settle()
    return [100 * (after - before) / seconds / channels for before, after in zip(begin, end)], channels, heard


def run(switch, talk):
    load = Load(switch.root, talk)
    rows = []
    for extension in ("plain", "watch-shadow", "plain"):
        (ours, others), channels, heard = measure(switch, load, extension)
        rows.append(others)
        print(f"{extension:14} {channels:4} calls, {heard:3} analysed: Asterisk {others:.3f} %, libcallprint {ours:.3f} % of a core per call", flush=True)
    print(f"listening adds {rows[1] - (rows[0] + rows[2]) / 2:+.3f} % of a core per call to Asterisk's own threads")
