"""The cases, each with a name and one sentence. `call` makes two legs: the robot's, which plays, and the
one that is analysed, whose UUID is the call's name."""

import itertools
import json
import random
import subprocess
import threading
import time

import audio
from setting import MADE, PROFILES
from switch import write_configuration

ALL = []
NUMBERS = itertools.count(1)


class Case:
    def __init__(self, function, name, configuration, arguments):
        self.function, self.name, self.arguments = function, name, arguments
        self.sentence = " ".join(function.__doc__.split())
        self.configuration = configuration

    def run(self, switch, setting):
        self.function(switch, setting, *self.arguments)


def case(each=((),), configuration=None):
    def add(function):
        for arguments in each:
            arguments = arguments if isinstance(arguments, tuple) else (arguments,)
            name = "-".join([function.__name__.replace("_", "-"), *(a.lower().replace("@", "-") for a in arguments)])
            ALL.append(Case(function, name, configuration, arguments))
        return function
    return add


def new_name():
    return f"call{next(NUMBERS)}-{random.randrange(1 << 32):08x}"


def play(setting, sound):
    return f"'&playback({setting.sounds}/{sound}.wav)'"


def agent(switch, name, who="agent"):
    """Bridges to an agent, whose leg is `<name>-desk`."""
    return "bridge:{sip_invite_call_id=" + name + "-desk}sofia/test/" + f"{who}@127.0.0.1:{switch.sip_port}"


def recognised(switch, name):
    """Whether the script was; a machine that is too slow for all calls may leave some out, and must say so."""
    verdict = switch.wait("callprint::verdict", name, 180)
    told = verdict["Callprint-Verdict"], verdict.get("Callprint-Script"), verdict["Callprint-Cause"]
    assert told[:2] == ("ROBOT", "dental-implant") or (told[0] == "NOTREADY" and told[2] in ("STATE", "OVERLOAD")), (name, told)
    return told[0] == "ROBOT"


def hangup_cause(switch, uuid, timeout_s=30):
    return switch.wait("CHANNEL_HANGUP_COMPLETE", uuid, timeout_s)["Hangup-Cause"]


@case()
def selftest(switch, setting):
    """The module is loaded, and its self-test passes through ring, sandbox, rules and dispatcher."""
    reply = switch.esl.api("callprint selftest")
    assert reply.startswith("+OK PASS"), reply
    assert '"calls"' in switch.esl.api("callprint status"), switch.esl.api("callprint status")
    assert "scripts" in switch.esl.api("callprint packs"), switch.esl.api("callprint packs")


@case()
def tests_in_the_switchs_own_style(switch, setting):
    """module_test.c, in a core of its own: one bug a side, starting and stopping twice, waiting, no unloading."""
    folder = setting.root / "core"
    write_configuration(folder, ["mod_loopback", "mod_sndfile", "mod_dptools"], module=switch.root / "mod")
    (folder / "callprint.conf.xml").write_text(setting.configuration())
    done = subprocess.run([*setting.wrapper, MADE / "module_test"], cwd=folder, env=switch.environment, timeout=120,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace")
    assert done.returncode == 0 and "PASSED (6/6 tests" in done.stdout, f"status {done.returncode}:\n{done.stdout[-3000:]}"


@case(each=["PCMA", "PCMU", "G722", "PCMU@30i", "PCMA@60i"])
def known_script_is_hung_up(switch, setting, codec):
    """A known script is recognised over SIP and RTP, and the call is cleared with the rule's cause."""
    name = new_name()
    switch.call(name, ["answer", "callprint_start:hangup", "park"], play(setting, "dental-implant"), codec)
    verdict = switch.wait("callprint::verdict", name)
    assert verdict["Callprint-Verdict"] == "ROBOT" and verdict["Callprint-Script"] == "dental-implant", verdict
    assert verdict["Callprint-Action"] == "hangup" and verdict["Callprint-Shadow"] == "false", verdict
    assert verdict["Caller-Caller-ID-Number"] == "4930123", "the event has no channel data"
    assert float(verdict["Callprint-Known-Ms"]) < 9000, verdict["Callprint-Known-Ms"]
    assert hangup_cause(switch, name) == "CALL_REJECTED"
    stop = switch.wait("callprint::stop", name)
    assert stop["Callprint-Verdict"] == "ROBOT" and stop["Caller-Caller-ID-Number"] == "4930123", stop
    for event in ("callprint::start", "callprint::verdict", "callprint::stop"):
        assert len(switch.events(event, name)) == 1, f"{event} came {len(switch.events(event, name))} times"


@case()
def known_script_is_transferred(switch, setting):
    """A known script is sent to the extension of the rule, and its variables say what it was."""
    name = new_name()
    switch.call(name, ["answer", "callprint_start:transfer", "park"], play(setting, "car-warranty"))
    switch.wait("CHANNEL_EXECUTE", name, where=lambda e: e["Application"] == "sleep")
    assert switch.variable(name, "test_caught") == "robot"
    for variable, value in {"verdict": "ROBOT", "script": "car-warranty", "category": "warranty", "action": "transfer",
                            "rule": "known", "shadow": "false"}.items():
        assert switch.variable(name, f"callprint_{variable}") == value, (variable, switch.variable(name, f"callprint_{variable}"))


@case()
def known_script_is_decoyed(switch, setting):
    """A robot hears the special information tones of a dead number, and is cleared with cause 1."""
    name = new_name()
    record = setting.root / "records" / f"{name}.wav"
    switch.call(name, ["answer", "callprint_start:decoy", "park"], play(setting, "dental-implant"),
                variables=f"execute_on_answer='record_session {record}',RECORD_STEREO=true")
    assert hangup_cause(switch, name) == "UNALLOCATED_NUMBER"
    time.sleep(1)
    (heard, _), rate_hz = audio.read(record)  # left: what the robot hears
    spans = [audio.tone_span(heard, rate_hz, hz) for hz in (985.2, 1370.6, 1776.7)]
    assert all(spans), f"tones not heard by the robot: {spans}"
    assert spans[0][0] < spans[1][0] < spans[2][0], f"tones out of order: {spans}"


@case()
def shadow_acts_on_nothing(switch, setting):
    """Rules that say nothing of shadow are in shadow: the verdict is told, the call is left alone."""
    name = new_name()
    switch.call(name, ["answer", "callprint_start:shadow", "park"], play(setting, "dental-implant"))
    verdict = switch.wait("callprint::verdict", name)
    assert verdict["Callprint-Action"] == "hangup" and verdict["Callprint-Shadow"] == "true", verdict
    time.sleep(2)
    assert not switch.events("CHANNEL_HANGUP_COMPLETE", name), "the call was hung up"
    assert switch.variable(name, "callprint_shadow") == "true"


@case()
def script_in_mid_bridge(switch, setting):
    """A call that was bridged to an agent is still heard: a script that comes later ends it."""
    name = new_name()
    switch.call(name, ["answer", "callprint_start:hangup", agent(switch, name)], play(setting, "late"))
    switch.wait("CHANNEL_BRIDGE", name)
    assert hangup_cause(switch, name) == "CALL_REJECTED"
    hangup_cause(switch, f"{name}-desk")


def message_late_ms(switch, setting):
    name = new_name()
    record = setting.root / "records" / f"{name}.wav"
    # The mailbox is the leg that answers; the dialer is the one that judges who answered.
    apps = ["answer", "set:RECORD_STEREO=true", f"record_session:{record}", f"playback:{setting.sounds}/mailbox.wav"]
    message = f"m:^:callprint_start:mailbox^callprint_wait:20000 beep^playback:{setting.sounds}/message.wav"
    switch.call(name, apps, f"'{message}' inline")
    dialer = f"{name}-robot"
    beep = switch.wait("callprint::beep", dialer)
    assert abs(float(beep["Callprint-Freq-Hz"]) - 1000) < 10, beep
    assert switch.wait("avmd::beep", dialer)["Beep-Status"] == "DETECTED"
    assert switch.variable(dialer, "avmd_detect") == "TRUE"
    switch.wait("CHANNEL_HANGUP_COMPLETE", name, 30)
    time.sleep(1)
    found = switch.events("callprint::verdict", dialer)[-1]
    print(f"  beep {beep['Callprint-Start-Ms']}-{beep['Callprint-End-Ms']} ms, known at {found['Callprint-Known-Ms']} ms, "
          f"{found['Callprint-Added-Ms']} ms added")
    verdicts = [e["Callprint-Verdict"] for e in switch.events("callprint::verdict", dialer)]
    assert verdicts[-1] == "BEEP", verdicts
    # The mailbox's own recording: what it hears on the left, its beep on the right.
    (heard, said), rate_hz = audio.read(record)
    ended, begun = audio.tone_span(said, rate_hz, 1000), audio.tone_span(heard, rate_hz, 600)
    assert begun, "the mailbox recorded no message"
    late_ms = 1000 * (begun[0] - ended[1])
    print(f"  the message begins {late_ms:.0f} ms after the beep's end")
    assert late_ms >= 0, "the message begins before the beep's end"
    return late_ms


@case()
def message_after_the_beep(switch, setting):
    """A message to a voice mailbox begins within 150 ms of the end of its beep."""
    # The machine may be busy with something else, but not always.
    assert any(message_late_ms(switch, setting) <= 150 for _ in range(3)), "three messages began later"


@case()
def wait_times_out(switch, setting):
    """callprint_wait returns after its time, with UNSURE and the time in the cause."""
    name = new_name()
    switch.call(name, ["answer", "callprint_start:tag", "callprint_wait:1200", "set:test_waited=yes", "park"],
                "'&playback(silence_stream://-1)'")
    switch.wait("CHANNEL_EXECUTE", name, where=lambda e: e["Application"] == "park")
    assert switch.variable(name, "callprint_verdict") == "UNSURE"
    assert switch.variable(name, "callprint_cause") == "TIMEOUT-1200"


@case()
def hooks_run_asynchronously(switch, setting):
    """The hooks of a verdict run, one that takes long holds up nothing, and one may stop the analysis itself."""
    name, other = new_name(), new_name()
    switch.call(name, ["answer", "set:execute_on_callprint_verdict_1=sleep 30000",
                       "set:execute_on_callprint_verdict_2=callprint_stop",
                       f"set:api_on_callprint_verdict=global_setvar test_{name}=told",
                       "callprint_start:tag", "park"], play(setting, "dental-implant"))
    switch.wait("callprint::verdict", name)
    switch.wait("CHANNEL_EXECUTE", name, where=lambda e: e["Application"] == "sleep")
    switch.call(other, ["answer", "callprint_start:hangup", "park"], play(setting, "dental-implant"))
    assert hangup_cause(switch, other) == "CALL_REJECTED", "a hook that sleeps held up another call"
    assert switch.esl.api(f"global_getvar test_{name}") == "told"
    switch.esl.api(f"uuid_break {name}")
    switch.wait("callprint::stop", name)
    assert switch.alive()


@case()
def start_and_stop_by_api(switch, setting):
    """The API starts, tells and stops the analysis of a live call, twice is refused, and stop is told once."""
    name = new_name()
    switch.call(name, ["answer", "park"], play(setting, "tutoring"))
    switch.wait("CHANNEL_EXECUTE", name, where=lambda e: e["Application"] == "park")
    api = lambda text: switch.esl.api(f"callprint {text}")
    assert api(f"{name} status").startswith("-ERR"), api(f"{name} status")
    assert api(f"{name} start nothing").startswith("-ERR there is no profile"), api(f"{name} start nothing")
    assert api(f"{name} start tag") == "+OK"
    assert api(f"{name} start tag").startswith("-ERR the call is analysed already")
    assert api(f"{name} status").startswith("+OK PENDING"), api(f"{name} status")
    assert name in api("calls"), api("calls")
    assert api(f"{name} stop") == "+OK"
    assert api(f"{name} stop").startswith("-ERR")
    switch.wait("callprint::stop", name)
    assert api("nobody start").startswith("-ERR no such channel")
    assert api("").startswith("-USAGE") and api("dance").startswith("-USAGE")
    assert api(f"{name} start tag") == "+OK", "cannot be started again"
    switch.esl.api(f"uuid_kill {name}")
    switch.wait("callprint::stop", name, count=2)


@case()
def early_media_only_on_purpose(switch, setting):
    """A call that is not answered gets no early media by callprint_start, and is heard from the answer on;
    a profile of early media hears it before."""
    name, early = new_name(), new_name()
    switch.call(name, ["callprint_start:hangup", "sleep:1500", "answer", "park"], play(setting, "dental-implant"),
                variables="ignore_early_media=false")
    switch.wait("CHANNEL_EXECUTE", name, where=lambda e: e["Application"] == "sleep")
    assert not switch.events("callprint::start", name), "it was started before the answer"
    assert "EARLY" not in switch.esl.api(f"uuid_dump {name}").split("Answer-State: ")[1][:8].upper()
    assert hangup_cause(switch, name) == "CALL_REJECTED"
    switch.call(early, ["callprint_start:early", "sleep:1500", "answer", "park"], play(setting, "dental-implant"))
    switch.wait("callprint::start", early, 5)
    assert not switch.events("CHANNEL_ANSWER", early)
    assert hangup_cause(switch, early) == "CALL_REJECTED"


@case()
def proxy_media_is_refused(switch, setting):
    """Media that the switch does not decode is refused with a reason, and the call goes on."""
    name = new_name()
    switch.call(name, ["set:proxy_media=true", "callprint_start:hangup", agent(switch, name)], play(setting, "dental-implant"))
    switch.wait("CHANNEL_BRIDGE", name)
    time.sleep(1)
    assert switch.variable(name, "callprint_verdict") == "NOTREADY", switch.variable(name, "callprint_verdict")
    assert switch.variable(name, "callprint_cause") == "PROXYMEDIA"
    assert not switch.events("CHANNEL_HANGUP_COMPLETE", name)


@case()
def codec_changes_in_mid_call(switch, setting):
    """A call that changes from µ-law to G.722 and back, by re-INVITE, is still recognised."""
    name = new_name()
    switch.call(name, ["answer", "callprint_start:hangup", "park"], play(setting, "late"))
    switch.wait("callprint::start", name)
    rates = []
    for codec in ("G722", "PCMA"):
        time.sleep(1)
        switch.esl.api(f"uuid_media_reneg {name}-robot ={codec}")
        time.sleep(0.5)
        rates.append(switch.esl.api(f"uuid_dump {name}").partition("Channel-Read-Codec-Name: ")[2][:4])
    assert rates[0] != rates[1], f"the codec did not change: {rates}"
    assert hangup_cause(switch, name) == "CALL_REJECTED"


@case()
def hold_is_no_audio(switch, setting):
    """While a call is on hold its clock stands still, and the script is recognised after it."""
    name = new_name()
    switch.call(name, ["answer", "callprint_start:tag", "park"], play(setting, "late"))
    switch.wait("callprint::start", name)
    time.sleep(1)
    switch.esl.api(f"uuid_hold {name}-robot")
    time.sleep(4)
    switch.esl.api(f"uuid_hold off {name}-robot")
    verdict = switch.wait("callprint::verdict", name, 30)
    assert verdict["Callprint-Script"] == "dental-implant", verdict
    begun = switch.events("callprint::start", name)[0]
    still_ms = 1000 * (verdict["at"] - begun["at"]) - float(verdict["Callprint-Known-Ms"])
    assert still_ms > 3500, f"of 4000 ms on hold, only {still_ms:.0f} were left out"


@case()
def analysis_survives_a_transfer(switch, setting):
    """uuid_transfer moves the call in the dialplan and leaves its analysis as it is."""
    name = new_name()
    switch.call(name, ["answer", "callprint_start:hangup", "park"], play(setting, "late"))
    switch.wait("callprint::start", name)
    assert switch.esl.api(f"uuid_transfer {name} caught-later XML test").startswith("+OK")
    switch.wait("CHANNEL_EXECUTE", name, where=lambda e: e["Application"] == "sleep")
    assert hangup_cause(switch, name) == "CALL_REJECTED"
    assert not [e for e in switch.events("callprint::start", name)][1:], "it was started twice"


@case()
def analysis_moves_to_another_leg(switch, setting):
    """callprint <uuid> move <uuid> carries the analysis over, and the decision acts on the new leg."""
    name, other = new_name(), new_name()
    switch.call(name, ["answer", "callprint_start:hangup", "park"], play(setting, "tutoring"))
    switch.call(other, ["answer", "park"], play(setting, "late"))
    switch.wait("callprint::start", name)
    switch.wait("CHANNEL_ANSWER", other)
    assert switch.esl.api(f"callprint {name} move {name}").startswith("-ERR")
    assert switch.esl.api(f"callprint {name} move {other}") == "+OK"
    switch.esl.api(f"uuid_kill {name}")
    assert hangup_cause(switch, other) == "CALL_REJECTED"
    stop = switch.wait("callprint::stop", other)
    assert stop["Callprint-Verdict"] == "ROBOT" and not switch.events("callprint::stop", name), stop


@case()
def unload_is_refused(switch, setting):
    """Unloading with a call under way is refused, the call goes on and its verdict comes."""
    name = new_name()
    switch.call(name, ["answer", "callprint_start:tag", "park"], play(setting, "late"))
    switch.wait("callprint::start", name)
    for command in ("unload mod_callprint", "unload -f mod_callprint", "reload mod_callprint"):
        reply = switch.esl.api(command)
        assert "-ERR" in reply, f"{command}: {reply}"
    assert switch.wait("callprint::verdict", name)["Callprint-Verdict"] == "ROBOT"


@case()
def bad_settings_leave_the_old(switch, setting):
    """A bad profile, rule file or analyzer is refused by a reload, with its reason, and the old stay in force."""
    api = switch.esl.api
    bad = setting.root / "rules" / "bad.json"
    bad.write_text('{"version": 1, "rules": [{"name": "x", "when": {"kind": "script"}, "action": "shout"}]}')
    for profiles, settings, says in (
            ({**PROFILES, "hangup": {"limit-ms": "soon"}}, {}, 'limit-ms is "soon"'),
            ({**PROFILES, "hangup": {"rules": str(bad)}}, {}, "shout"),
            ({**PROFILES, "hangup": {"rules": "/nowhere.json"}}, {}, "/nowhere.json"),
            (PROFILES, {"analyzer": bad}, "bad.json")):
        setting.configure(profiles, **settings)
        time.sleep(1)
        reply = api("callprint reload")
        assert reply.startswith("-ERR") and says in reply, f"{says}: {reply}"
        name = new_name()
        switch.call(name, ["answer", "callprint_start:hangup", "park"], play(setting, "dental-implant"))
        assert hangup_cause(switch, name) == "CALL_REJECTED", f"after {says}"
    setting.configure()
    assert api("callprint reload") == "+OK"


@case()
def a_switch_without_analyzer_goes_on(switch, setting):
    """Where there is no analyzer the applications are there, calls go on with NOTREADY, and a reload mends it."""
    lame = setting.another_switch("lame", setting.configuration(analyzer="/nowhere.cwasm"))
    try:
        name = new_name()
        lame.call(name, ["answer", "callprint_start:tag", "callprint_wait:3000", "park"], play(setting, "late"))
        lame.wait("CHANNEL_EXECUTE", name, where=lambda e: e["Application"] == "park")
        assert lame.variable(name, "callprint_verdict") == "NOTREADY"
        assert lame.variable(name, "callprint_cause") == "HOST"
        lame.configure(setting.configuration())
        lame.esl.api("reloadxml")
        assert lame.esl.api("callprint reload") == "+OK"
        assert lame.esl.api(f"callprint {name} start hangup") == "+OK"
        assert hangup_cause(lame, name) == "CALL_REJECTED"
    finally:
        status = lame.stop()
    assert status == 0, f"the switch ended with status {status}"


@case()
def a_hostile_analyzer_disturbs_no_call(switch, setting):
    """Under an analyzer that lies, traps and never returns, fifty calls go on and are told NOTREADY, a good one takes over."""
    names = [new_name() for _ in range(50)]
    setting.configure(analyzer=setting.hostile)
    try:
        assert switch.esl.api("callprint reload") == "+OK"
        # The sample 1000 + n is what makes it do its n-th misdeed: conformance/hostile/guest.wat.
        for name, misdeed in zip(names, itertools.cycle((2, 1, 8))):
            switch.call(name, ["answer", "callprint_start:tag", "park"], play(setting, f"misdeed-{misdeed}"), "L16")
        for name in names:
            verdict = switch.wait("callprint::verdict", name, 60)
            assert verdict["Callprint-Verdict"] == "NOTREADY", verdict
        faults = json.loads(switch.esl.api("callprint status"))["faults"]
        assert all(faults[kind] for kind in ("trap", "deadline", "contract")), faults
        assert not [name for name in names if switch.events("CHANNEL_HANGUP_COMPLETE", name)], "a call was ended"
    finally:
        setting.configure()
        switch.clear()
        reply = switch.esl.api("callprint reload")
    assert reply == "+OK", reply
    until = time.monotonic() + 120
    while not switch.esl.api("callprint selftest").startswith("+OK PASS"):
        assert time.monotonic() < until, "the good analyzer does not work"
    name = new_name()
    switch.call(name, ["answer", "callprint_start:hangup", "park"], play(setting, "dental-implant"))
    assert hangup_cause(switch, name) == "CALL_REJECTED", "the good analyzer recognises nothing"


@case()
def bridges_in_both_directions(switch, setting):
    """Twenty bridges in which both legs are analysed, with audio both ways: callbacks of one bug come from two threads."""
    names = [new_name() for _ in range(20)]
    for name in names:
        switch.call(name, ["answer", "callprint_start:tag", agent(switch, name, "heard-agent")], play(setting, "late"))
    assert any([recognised(switch, name) for name in names]), "none was analysed"


@case()
def two_hundred_calls_at_once(switch, setting):
    """Two hundred concurrent calls each get their verdict, or on a machine that is too slow are told
    NOTREADY; none is lost, and the console answers meanwhile."""
    names = [new_name() for _ in range(200)]
    slowest = 0.0
    for i, name in enumerate(names):
        switch.call(name, ["answer", "callprint_start:tag", "park"], play(setting, "dental-implant"))
        if i % 5 == 4:
            time.sleep(0.1)
    for name in names:
        switch.wait("CHANNEL_EXECUTE", name, 60, where=lambda e: e["Application"] == "park")
    for _ in range(10):
        begun = time.monotonic()
        assert "total" in switch.esl.api("show channels count", timeout_s=30)
        slowest = max(slowest, time.monotonic() - begun)
        time.sleep(0.3)
    analysed = sum([recognised(switch, name) for name in names])
    assert analysed, "none was analysed"
    print(f"  {analysed} of {len(names)} were analysed; show channels answered in {1000 * slowest:.0f} ms at worst")


@case()
def hangups_at_any_moment(switch, setting):
    """Five hundred calls are hung up at random moments, by either side, while they are started, stopped and polled."""
    def poke(stop):
        while not stop.is_set():
            for command in ("calls", "status"):
                switch.esl.api(f"callprint {command}")
            time.sleep(0.05)

    stopped = threading.Event()
    poker = threading.Thread(target=poke, args=(stopped,))
    poker.start()
    live, started = [], 0
    chance = random.Random(11)
    try:
        while started < 500 or live:
            if started < 500 and len(live) < 60:
                name = new_name()
                switch.call(name, ["answer", f"callprint_start:{chance.choice(['tag', 'hangup', 'decoy', 'transfer', 'far-only'])}",
                                   "callprint_wait:5000", "park"], play(setting, chance.choice(["dental-implant", "tutoring"])))
                live.append((time.monotonic() + chance.expovariate(1 / 1.5), name))
                started += 1
            for due, name in list(live):
                if due < time.monotonic():
                    live.remove((due, name))
                    command = chance.choice([f"uuid_kill {name}", f"uuid_kill {name}-robot", f"callprint {name} stop",
                                             f"callprint {name} start tag", f"uuid_transfer {name} caught-x XML test"])
                    switch.background(command)
                    switch.background(f"sched_api +{chance.choice([1, 2])} none uuid_kill {name}")
            time.sleep(0.01)
    finally:
        stopped.set()
        poker.join()
    switch.clear()
    until = time.monotonic() + 240
    while switch.esl.api("callprint calls") != "[]" and time.monotonic() < until:
        time.sleep(0.5)
    assert switch.esl.api("callprint calls") == "[]", switch.esl.api("callprint calls")
    begun, starts, stops = time.monotonic(), 0, 1
    while starts != stops and time.monotonic() < begun + 120:
        time.sleep(0.5)
        starts, stops = len(switch.events("callprint::start")), len(switch.events("callprint::stop"))
    print(f"  {starts} starts were told, {stops} stops, {time.monotonic() - begun:.0f} s after the last call was released")
    if starts != stops:
        ended = {e["Unique-ID"] for e in switch.events("callprint::stop")}
        lacking = [e["Unique-ID"] for e in switch.events("callprint::start") if e["Unique-ID"] not in ended]
        raise AssertionError(f"{starts} calls were started, {stops} stopped; not {lacking[:5]}")


@case()
def reloads_under_load(switch, setting):
    """Settings, rules and analyzer are read again and again under thirty calls, each of which gets its verdict."""
    names = [new_name() for _ in range(30)]
    for name in names:
        switch.call(name, ["answer", "callprint_start:tag", "park"], play(setting, "late"))
    for _ in range(15):
        switch.esl.api("reloadxml")
        assert switch.esl.api("callprint reload") == "+OK"
        time.sleep(0.1)
    assert any([recognised(switch, name) for name in names]), "none was analysed"
