"""What the cases share: sounds, packs, an analyzer, rules, and a switch that runs until one breaks it."""

import json
import os
import pathlib
import random
import subprocess

import audio
from switch import Switch

TARGET = audio.REPOSITORY / "target"
CALLPRINT = TARGET / "release" / "callprint"
MADE = pathlib.Path(os.environ.get("OUT", TARGET / "freeswitch"))
MODULE = MADE / "mod_callprint.so"
ENROLLED = {"dental-implant": "dental", "car-warranty": "warranty", "consumer-loan": "loan"}


def rule(name, when, action="tag", **more):
    return dict(name=name, when=when, action=action, **more)


ROBOT = {"kind": "script", "confidence": 0.99}
RULES = {
    "hangup": dict(shadow=False, rules=[rule("known", ROBOT, "hangup", hangup_cause=21, verdict="robot")]),
    "shadow": dict(rules=[rule("known", ROBOT, "hangup", hangup_cause=21, verdict="robot")]),
    "decoy": dict(shadow=False, rules=[rule("known", ROBOT, "decoy", verdict="robot")]),
    "transfer": dict(shadow=False, rules=[rule("known", ROBOT, "transfer", context="test", extension="caught-robot",
                                               verdict="robot")]),
    "tag": dict(shadow=False, rules=[rule("known", ROBOT, "tag", verdict="robot")]),
    "mailbox": dict(shadow=False, rules=[
        rule("speak", {"tone": "beep", "ended": True}, "tag"),
        rule("machine", {"answer": "machine"}, "none")]),
}
PROFILES = {name: {"rules": f"{{root}}/rules/{name}.json"} for name in RULES}
PROFILES["mailbox"]["direction"] = "outbound"
PROFILES["mailbox"]["avmd-compatible"] = "true"
PROFILES["early"] = {"rules": "{root}/rules/hangup.json", "early-media": "true"}
PROFILES["far-only"] = {"rules": "{root}/rules/tag.json", "near": "false"}


class Setting:
    def __init__(self, root, wrapper):
        self.root, self.wrapper = root, wrapper
        self.sounds = root / "sounds"
        self.settings = {}
        self._switch = None
        for folder in ("rules", "sounds"):
            (root / folder).mkdir(parents=True, exist_ok=True)
        if not MODULE.exists() or not CALLPRINT.exists():
            raise SystemExit(f"{MODULE} or {CALLPRINT} is missing: run make build freeswitch")
        self._rules()
        self._sounds()
        self.analyzer = self._bake()
        self.hostile = root / "hostile.cwasm"
        subprocess.run([CALLPRINT, "--quiet", "bake", "--plugin", audio.REPOSITORY / "conformance/hostile/guest.wasm",
                        "--out", self.hostile], check=True)

    def _rules(self):
        for name, text in RULES.items():
            (self.root / "rules" / f"{name}.json").write_text(json.dumps(dict(version=1, limit_ms=0, **text)))

    def _sounds(self):
        """The scripts as a line brings them (half as loud, with noise), speech that is not enrolled, and a
        mailbox: greeting, beep, and the silence in which a message is recorded."""
        chance = random.Random(1)
        line = lambda samples: type(samples)("h", (int(s / 2 + chance.gauss(0, 40)) for s in samples))
        for name in [*ENROLLED, "new-flats", "tutoring"]:
            audio.write(self.sounds / f"{name}.wav", line(audio.silence(0.3)), line(audio.demo(name)),
                        line(audio.silence(2)))
        audio.write(self.sounds / "late.wav", line(audio.silence(4)), line(audio.demo("dental-implant")))
        audio.write(self.sounds / "mailbox.wav", audio.silence(0.4), line(audio.demo("electric-bill")[:48000]),
                    audio.silence(0.7), audio.tone(1000, 0.4), audio.silence(12))
        audio.write(self.sounds / "message.wav", audio.tone(600, 1.5))
        for misdeed in (1, 2, 8):
            audio.write(self.sounds / f"misdeed-{misdeed}.wav", audio.constant(1000 + misdeed, 60))

    def _bake(self):
        pack, analyzer = self.root / "scripts.json", self.root / "analyzer.cwasm"
        if not analyzer.exists():
            for name, category in ENROLLED.items():
                subprocess.run([CALLPRINT, "--quiet", "enroll", "--script-id", name, "--category", category, "--pack", pack,
                                audio.SCRIPTS / f"{name}.wav"], check=True)
            subprocess.run([CALLPRINT, "--quiet", "bake", "--pack", pack, "--out", analyzer], check=True)
        return analyzer

    def configuration(self, profiles=None, **settings):
        values = {"analyzer": self.analyzer, "workers": 1, "evidence-log": self.root / "evidence.jsonl", **settings}
        lines = "".join(f'<param name="{n}" value="{v}"/>' for n, v in values.items() if v is not None)
        blocks = ""
        for name, params in (PROFILES if profiles is None else profiles).items():
            inner = "".join(f'<param name="{n}" value="{str(v).format(root=self.root)}"/>' for n, v in params.items())
            blocks += f'<profile name="{name}">{inner}</profile>'
        return (f'<configuration name="callprint.conf"><settings>{lines}</settings>'
                f"<profiles>{blocks}</profiles></configuration>")

    def configure(self, profiles=None, **settings):
        """Writes callprint.conf.xml anew and has the switch read it."""
        self._switch.configure(self.configuration(profiles, **settings))
        self._switch.esl.api("reloadxml")

    def switch(self):
        if not self._switch:
            self._switch = Switch(self.root, MODULE, TARGET / "release", self.configuration(), wrapper=self.wrapper)
        return self._switch

    def another_switch(self, folder, configuration):
        return Switch(self.root / folder, MODULE, TARGET / "release", configuration, wrapper=self.wrapper)

    def switch_is_alive(self):
        return self._switch is not None and self._switch.alive()

    def forget_switch(self):
        self._switch = None

    def tail(self):
        return self._switch.tail() if self._switch else ""

    def end(self):
        return self._switch.stop() if self._switch else 0
