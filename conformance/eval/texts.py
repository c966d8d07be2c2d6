"""The call texts (texts/*.json): topics of several sentences with slots such as {price}, by language and part."""

import json
import re
from dataclasses import dataclass

from bootstrap import EVAL_DIR

LANGUAGES = tuple(sorted(path.stem for path in (EVAL_DIR / "texts").glob("*.json")))
_SLOT = re.compile(r"\{(\w+)\}")


@dataclass(frozen=True)
class Piece:
    """A stretch of text spoken in one go. `slot` names the slot whose value it is."""

    words: str
    slot: str | None = None


@dataclass(frozen=True)
class CallText:
    """One offer. `use` is "enrol" or "negative"; no voice ever enrols a negative text."""

    id: str
    lang: str
    use: str
    sentences: tuple[str, ...]
    slots: dict[str, list[str]]

    @property
    def has_slots(self) -> bool:
        return any(_SLOT.search(sentence) for sentence in self.sentences)

    def other_filling(self, number: int) -> int:
        """A filling besides the first, which is enrolled, and the last, which is for negatives if there are others."""
        return 1 + number % max(1, min(len(values) for values in self.slots.values()) - 2)

    def pieces(self, filling: int = 0) -> list[Piece]:
        """The text cut at its slots, each slot filled with its value number `filling`."""
        pieces = []
        for sentence in self.sentences:
            for index, part in enumerate(_SLOT.split(sentence)):
                if index % 2:
                    values = self.slots[part]
                    pieces.append(Piece(values[filling], slot=part))
                elif re.search(r"\w", part):
                    pieces.append(Piece(part.strip()))
        return pieces


def load(part: str, lang: str) -> tuple[list[CallText], list[str]]:
    """The texts and the openings of a part in one language."""
    data = json.loads((EVAL_DIR / "texts" / f"{lang}.json").read_text())
    texts = [CallText(f"{lang}-{entry['id']}", lang, entry["use"], tuple(entry["sentences"]), data["slots"])
             for entry in data[part]]
    return texts, data["openings"][part]
