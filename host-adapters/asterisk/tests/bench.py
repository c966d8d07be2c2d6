"""What listening costs Asterisk's own threads, in percent of a core per call: tests/run.sh sid --bench.

100 calls are made again and again, listened to and not, in turns: the machine has other work too, which changes.
"""

import os
import sys
import time

sys.path.append(os.path.join(os.path.dirname(os.path.abspath(__file__)), "../.."))
import cpu
from load import Load

CALLS = 100
SECONDS = 15
ROUNDS = 3


def measure(switch, load, extension):
    load.start(extension, calls=CALLS, at_once=CALLS, per_second=50, hang_up_ms=None)
    switch.wait_channels(CALLS)
    time.sleep(2)
    switchs, ours = cpu.shares(switch.process.pid, SECONDS, CALLS)
    channels, heard = switch.channels(), int(switch.status("in_analysis"))
    load.stop()
    switch.cli("channel request hangup all")
    switch.settle()
    if channels != CALLS:
        sys.exit(f"FAIL: of {CALLS} calls {channels} were left: the figures would mean nothing")
    print(f"{extension:13} {heard:3} of {channels} calls analysed: Asterisk's threads {switchs:.3f} %, libcallprint's {ours:.3f} % of a core per call", flush=True)
    return switchs


def run(switch, talk):
    load = Load(switch.root, talk)
    plain, heard = [measure(switch, load, "plain")], []
    for _ in range(ROUNDS):
        heard.append(measure(switch, load, "watch-shadow"))
        plain.append(measure(switch, load, "plain"))
    # Each measurement against its neighbours in time.
    added = sorted(h - (a + b) / 2 for h, a, b in zip(heard, plain, plain[1:]))
    print(f"listening adds {added[ROUNDS // 2]:+.3f} % of a core per call to Asterisk's own threads ({added[0]:+.3f} to {added[-1]:+.3f} %)")
