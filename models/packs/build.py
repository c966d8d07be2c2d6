"""Builds the packs of this folder again, bit for bit.

    python3 models/packs/build.py [voicemail|robocalls|ordinary …]

Debian's recordings are fetched with apt-get, in the versions named here, and checked; the voices of robocalls and ordinary
come from the same packages as the demo's (models/demo). All of it stays in target/packs.
"""

import csv
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import wave
from pathlib import Path

PACKS_DIR = Path(__file__).resolve().parent
ROOT = PACKS_DIR.parent.parent
WORK_DIR = ROOT / "target" / "packs"
CALLPRINT = ROOT / "target" / "release" / "callprint"

CREATED = "2026-11-22"
SOUNDS_VERSION = "1.6.1-1"
MUSIC_VERSION = "2.03-1.1"
SHA256 = {
    "asterisk-core-sounds-en-wav": "2be3ea287d83299d143815fa804f11179a75b7affd4a758b98b55f5afc18a35d",
    "asterisk-core-sounds-es-wav": "9283a09a6d56fccdcc2bcfe86c48f0f844289cfbd46a3184d8785a6f7f569903",
    "asterisk-core-sounds-fr-wav": "8d4e1bc32ed5ba7fbda40841ca1825ed20cc6232724a473c90f8bb0e53e6073e",
    "asterisk-core-sounds-it-wav": "5a26638089e134b8ac39363fe249c5c93c50cd8bfdc9b2499ae61ec4a35e2fcb",
    "asterisk-core-sounds-ru-wav": "ccbfaebfa450b7a9ddf644ae0f3d1e9017d5df7c0aebe816e946345589d38201",
    "asterisk-moh-opsound-wav": "8f9d808a729d305c2d3343993f21ca5e6829e411682618dc8ea7aa8bc24a566c",
}
SPEAKERS = {"en": "en-US", "es": "es", "fr": "fr", "it": "it", "ru": "ru"}

# What a caller hears of Asterisk: from a mailbox, from a queue, menu or conference, and in place of a callee. Shorter
# prompts are not recognised by themselves.
PROMPTS = {
    "voicemail-system": r"vm-.*",
    "ivr": r"(queue|pbx|conf|confbridge|agent|dir|privacy|followme)[-/].*|please-try-again|one-moment-please|pls-hold-.*",
    "network-announcement": r"ss-noservice|please-try-call-later|cannot-complete-.*|all-circuits-.*|tt-allbusy|"
                            r"number-not-answering|check-number-.*|simul-call-.*|feature-not-avail-.*",
}
SHORTEST_S = 1.5
MUSIC_S = 40


def run(*command: object) -> None:
    subprocess.run([str(word) for word in command], check=True)


def unpacked(package: str, version: str) -> Path:
    """The files of a Debian package, fetched once and checked."""
    target = WORK_DIR / package
    if target.exists():
        return target
    archives = WORK_DIR / "deb"
    archives.mkdir(parents=True, exist_ok=True)
    archive = archives / f"{package}_{version}_all.deb"
    if not archive.exists():
        subprocess.run(["apt-get", "-qq", "download", f"{package}={version}"], cwd=archives, check=True)
    found = hashlib.sha256(archive.read_bytes()).hexdigest()
    if found != SHA256[package]:
        sys.exit(f"build.py: {archive} has SHA-256 {found}, expected {SHA256[package]}")
    run("dpkg-deb", "-x", archive, target)
    return target


def seconds(path: Path) -> float:
    """Of 8 kHz, 16 bits, mono, as all prompts are."""
    return path.stat().st_size / 16_000


def pack(name: str, licence: str, sources: list[str], *enrol: object, title: str, check: bool = True) -> None:
    out = PACKS_DIR / f"{name}.json"
    out.unlink(missing_ok=True)
    run(CALLPRINT, "--quiet", "enroll", "--pack", out, "--vendor", "callprint", *enrol)
    fields = json.loads(out.read_text(encoding="utf-8"))
    scripts = fields.pop("scripts")
    fields |= {"name": title, "licence": licence, "created": CREATED, "sources": sources}
    write(out, fields, scripts)
    # What is left may differ in what it shares.
    while check and (useless := unfit(out)):
        scripts = [script for script in scripts if script["id"] not in useless]
        write(out, fields, scripts)
    print(f"{out.relative_to(ROOT)}: {len(scripts)} scripts, {out.stat().st_size} bytes")


def write(path: Path, fields: dict, scripts: list[dict]) -> None:
    """A script a line: readable, and changes show."""
    head = json.dumps(fields, ensure_ascii=False, indent=2)[:-2]
    lines = ",\n".join("    " + json.dumps(script, ensure_ascii=False) for script in scripts)
    path.write_text(f'{head},\n  "scripts": [\n{lines}\n  ]\n}}\n', encoding="utf-8")


def unfit(pack_path: Path) -> set[str]:
    """Scripts that lint finds errors in: too short, or the same as another. Of those that are the same one is kept."""
    done = subprocess.run([CALLPRINT, "--quiet", "pack", "lint", "--format", "jsonl", pack_path], capture_output=True, text=True)
    if not done.stdout:
        sys.exit(f"build.py: {done.stderr}")
    dropped = set()
    for line in map(json.loads, done.stdout.splitlines()):
        errors = [c["what"] for c in line.get("complaints", []) if c["level"] == "error"]
        twins = [re.search(r'same recording as script "(.*?)"', what) for what in errors]
        if any(twin is None or twin[1] not in dropped for twin in twins):
            dropped.add(line["script"])
    return dropped


def table(name: str, rows: list[dict]) -> Path:
    path = WORK_DIR / f"{name}.csv"
    with open(path, "w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, rows[0], lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    return path


def voicemail() -> None:
    for language, tag in SPEAKERS.items():
        package = f"asterisk-core-sounds-{language}-wav"
        root = unpacked(package, SOUNDS_VERSION) / "usr/share/asterisk/sounds"
        folder = next(path for path in sorted(root.iterdir()) if path.is_dir())
        rows, seen = [], set()
        for path in sorted(folder.rglob("*.wav")):
            name = str(path.relative_to(folder).with_suffix(""))
            category = next((c for c, names in PROMPTS.items() if re.fullmatch(names, name)), None)
            audio = hashlib.sha256(path.read_bytes()).digest()
            if category is None or seconds(path) < SHORTEST_S or audio in seen:
                continue
            seen.add(audio)
            rows.append({"script_id": name.replace("/", "-"), "title": f"Asterisk: {name}", "category": category,
                         "language": tag, "wav": path})
        licence = "CC-BY-3.0" if language in ("it", "ru") else "CC-BY-SA-3.0"
        pack(f"asterisk-{language}", licence, [f"Debian {package} {SOUNDS_VERSION}"],
             "--list", table(f"asterisk-{language}", rows), title=f"Asterisk's prompts, {tag}")


def speech() -> None:
    run(sys.executable, PACKS_DIR / "voices.py", WORK_DIR)


def spoken(name: str) -> list[dict]:
    with open(PACKS_DIR / f"{name}.csv", encoding="utf-8") as file:
        return [row | {"wav": WORK_DIR / name / f"{row['script_id']}.wav"} for row in csv.DictReader(file)]


def robocalls() -> None:
    speech()
    pack("robocalls", "MIT OR Apache-2.0 WITH LLVM-exception", ["robocalls.csv, spoken by Kokoro-82M"],
         "--list", table("robocalls", spoken("robocalls")), title="Scripts to try callprint with")


def ordinary() -> None:
    """Talk and music: what calls have anyway."""
    speech()
    rows = spoken("ordinary")
    music = unpacked("asterisk-moh-opsound-wav", MUSIC_VERSION)
    (WORK_DIR / "ordinary").mkdir(parents=True, exist_ok=True)
    for path in sorted(music.rglob("*.wav")):
        data = path.read_bytes()
        cut = WORK_DIR / "ordinary" / f"music-{path.stem}.wav"
        # From its tenth second: some begin softly.
        with wave.open(str(path)) as whole, wave.open(str(cut), "wb") as part:
            part.setparams(whole.getparams())
            whole.setpos(10 * whole.getframerate())
            part.writeframes(whole.readframes(MUSIC_S * whole.getframerate()))
        rows.append({"script_id": cut.stem, "voice": "", "text": "", "wav": cut})
    pack("ordinary", "MIT OR Apache-2.0 WITH LLVM-exception; music: CC-BY-SA-3.0",
         ["ordinary.csv, spoken by Kokoro-82M", f"Debian asterisk-moh-opsound-wav {MUSIC_VERSION}"],
         "--list", table("ordinary", rows), title="What is heard on the telephone anyway: no scripts", check=False)


def main() -> None:
    os.environ["LC_ALL"] = "C.UTF-8"
    WORK_DIR.mkdir(parents=True, exist_ok=True)
    if not CALLPRINT.exists():
        sys.exit(f"build.py: {CALLPRINT} is not there; run `make build` first")
    if not shutil.which("dpkg-deb"):
        sys.exit("build.py: dpkg-deb is not there; it needs Debian or the like")
    makers = {"voicemail": voicemail, "robocalls": robocalls, "ordinary": ordinary}
    for name in sys.argv[1:] or makers:
        makers[name]()


if __name__ == "__main__":
    main()
