"""What analysis costs the switch: CPU of calls alone, with callprint, and with mod_avmd, in one run."""

import json
import os
import time

from cases import new_name

CALLS, SECONDS = 100, 10


def cpu_s(pid):
    """CPU time of each thread of a process, by the thread's name."""
    times = {}
    tick = os.sysconf("SC_CLK_TCK")
    for task in os.listdir(f"/proc/{pid}/task"):
        try:
            with open(f"/proc/{pid}/task/{task}/stat") as file:
                head, _, rest = file.read().rpartition(")")
            name, fields = head.partition("(")[2], rest.split()
            times[task] = (name, (int(fields[11]) + int(fields[12])) / tick)
        except OSError:
            pass
    return times


def measure(switch, setting, apps, what):
    names = [new_name() for _ in range(CALLS)]
    for i, name in enumerate(names):
        # The leg that we placed is judged: mod_avmd hears the far side of no other.
        switch.call(name, ["answer", f"endless_playback:{setting.sounds}/tutoring.wav"],
                    "'" + "^".join(["m:^:set:x=y", *apps, "park"]) + "' inline")
        time.sleep(0.05)
    for name in names:
        switch.wait("CHANNEL_EXECUTE", f"{name}-robot", 60, where=lambda e: e["Application"] == "park")
    time.sleep(2)
    state = json.loads(switch.esl.api("callprint status"))["calls"]
    before, begun = cpu_s(switch.process.pid), time.monotonic()
    time.sleep(SECONDS)
    after, took = cpu_s(switch.process.pid), time.monotonic() - begun
    ours = theirs = 0.0
    for task, (name, seconds) in after.items():
        spent = seconds - before.get(task, (name, 0.0))[1]
        if name.startswith("callprint"):
            ours += spent
        else:
            theirs += spent
    live = switch.channels()
    assert live == 2 * CALLS, f"{live} channels are up, and not {2 * CALLS}: the figures would mean nothing"
    share = lambda seconds: 100 * seconds / took / CALLS
    print(f"{what:22} switch {share(theirs):.4f} %, callprint's workers {share(ours):.4f} % of a core a call; "
          f"{len(after)} threads, {state['in_analysis']} calls analysed")
    switch.clear()
    time.sleep(2)
    return share(theirs), share(theirs) + share(ours)


def bench(setting):
    switch = setting.switch()
    plain = measure(switch, setting, [], "no analysis")
    callprint = measure(switch, setting, ["callprint_start:tag"], "callprint")
    far_only = measure(switch, setting, ["callprint_start:far-only"], "callprint, far side only")
    avmd = measure(switch, setting, ["avmd_start"], "mod_avmd")
    again = measure(switch, setting, [], "no analysis, again")
    base = [(a + b) / 2 for a, b in zip(plain, again)]
    print(f"callprint adds {callprint[0] - base[0]:.4f} % to the switch's threads, {callprint[1] - base[1]:.4f} % in all "
          f"(far side only: {far_only[0] - base[0]:.4f} %, {far_only[1] - base[1]:.4f} %); mod_avmd adds {avmd[1] - base[1]:.4f} %: "
          f"{(avmd[1] - base[1]) / max(callprint[1] - base[1], 1e-6):.0f} times as much")
    return setting.end()
