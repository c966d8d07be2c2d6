"""What analysis costs the switch: CPU of calls alone, with callprint, and with mod_avmd, in one run."""

import json
import os
import sys
import time

sys.path.append(os.path.join(os.path.dirname(os.path.abspath(__file__)), "../.."))
import cpu
from cases import new_name

CALLS, SECONDS, ROUNDS = 100, 10, 3
AVMD_CALLS = 20  # more of them want more processor time than a small machine has, and would cost less than they want


def measure(switch, setting, apps, what, calls=CALLS):
    names = [new_name() for _ in range(calls)]
    for name in names:
        # The leg that we placed is judged: mod_avmd hears the far side of no other.
        switch.call(name, ["answer", f"endless_playback:{setting.sounds}/tutoring.wav"],
                    "'" + "^".join(["m:^:set:x=y", *apps, "park"]) + "' inline")
        time.sleep(0.05)
    for name in names:
        switch.wait("CHANNEL_EXECUTE", f"{name}-robot", 60, where=lambda e: e["Application"] == "park")
    time.sleep(2)
    state = json.loads(switch.esl.api("callprint status"))["calls"]
    switchs, ours = cpu.shares(switch.process.pid, SECONDS, calls)
    live = switch.channels()
    assert live == 2 * calls, f"{live} channels are up, and not {2 * calls}: the figures would mean nothing"
    heard = state["in_analysis"]
    print(f"{what:11} {calls} calls, {heard} analysed: FreeSWITCH's threads {switchs:.3f} %, "
          f"libcallprint's {ours:.3f} % of a core a call")
    switch.clear()
    time.sleep(2)
    # What a machine that is too busy does not analyse costs less than it should.
    return switchs, switchs + (ours * calls / heard if heard else ours)


def bench(setting):
    switch = setting.switch()
    plain, added = measure(switch, setting, [], "no analysis"), []
    for _ in range(ROUNDS):
        cost = measure(switch, setting, ["callprint_start:tag"], "callprint")
        # The machine has other work too, which changes: what is near in time is compared.
        plain, before = measure(switch, setting, [], "no analysis"), plain
        added.append([c - (a + b) / 2 for c, a, b in zip(cost, before, plain)])
    own, total = (sorted(column) for column in zip(*added))
    print(f"callprint adds {own[ROUNDS // 2]:+.3f} % of a core a call to FreeSWITCH's own threads ({own[0]:+.3f} to {own[-1]:+.3f} %), "
          f"{total[ROUNDS // 2]:+.3f} % in all ({total[0]:+.3f} to {total[-1]:+.3f} %)", flush=True)
    avmd = measure(switch, setting, ["avmd_start"], "mod_avmd", AVMD_CALLS)[0] - plain[0]
    print(f"mod_avmd adds {avmd:+.3f} %: {avmd / total[ROUNDS // 2]:.1f} times as much")
    return setting.end()
