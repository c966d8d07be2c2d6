"""What is spoken in the packs: recordings of robocalls.csv and ordinary.csv, as their vendor and a caller have them."""

import csv
import sys
from pathlib import Path

PACKS_DIR = Path(__file__).resolve().parent
sys.path.insert(0, str(PACKS_DIR.parent / "demo"))

import make  # noqa: E402  (models/demo)

LEVEL_DBM0 = -20


def rows(name: str) -> list[dict]:
    with open(PACKS_DIR / name, encoding="utf-8") as file:
        return list(csv.DictReader(file))


def main() -> None:
    """Speaks what is not in the work folder yet; it is the only argument."""
    make.CACHE_DIR.mkdir(parents=True, exist_ok=True)
    make.enter_venv()
    import line
    import voice
    work = Path(sys.argv[1])
    spoken = [(f"robocalls/{row['script_id']}.wav", row["text"], row["voice"]) for row in rows("robocalls.csv")]
    spoken += [(f"ordinary/{row['script_id']}.wav", row["text"], row["voice"]) for row in rows("ordinary.csv")]
    for name, text, speaker in spoken:
        path = work / name
        if path.exists():
            continue
        path.parent.mkdir(parents=True, exist_ok=True)
        speech = line.narrowed(voice.say(text, speaker, make.CACHE_DIR), voice.RATE_HZ)
        part = path.with_suffix(".part.wav")
        line.write(part, line.at_level(speech, LEVEL_DBM0))
        part.rename(path)


if __name__ == "__main__":
    main()
