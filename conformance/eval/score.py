"""What the findings in a call are worth, given the truth.

A finding names one script, or a group ("one of these") while the audio heard so far belongs to several. It is

    right   the script that plays, alone or with scripts of the same words (its twins in other voices); while a shared
            opening plays, the group of the scripts that share it
    twin    only scripts of the same words in another voice: neither right nor wrong
    vague   a group that holds the script that plays and others besides, or that group when its opening is over, or a
            lucky guess while it lasts: neither right nor wrong
    wrong   anything else, so every finding in a call that plays no enrolled script
"""

from dataclasses import dataclass

from queries import Query

# The columns of the tables: seconds of script heard.
AFTER_S = (1.0, 1.5, 2.0, 3.0, 5.0)
# The words differ from here on, but evidence of the opening may still be on its way out.
OPENING_GRACE_MS = 250.0


@dataclass(frozen=True)
class Judged:
    """A script finding, judged. `heard_s` is how much script had been heard when it became known."""

    verdict: str
    confidence: float
    heard_s: float
    alone: bool


def judged(query: Query, findings: list[dict]) -> list[Judged]:
    """The script findings of the far side, in order of becoming known."""
    scripts = [finding for finding in findings if finding["kind"] == "script" and finding.get("side", "far") == "far"]
    return [
        Judged(
            _verdict(query, finding),
            finding["confidence"],
            query.heard_s(finding["known_at_ms"]),
            not finding.get("among"),
        )
        for finding in sorted(scripts, key=lambda finding: finding["known_at_ms"])
    ]


def _verdict(query: Query, finding: dict) -> str:
    named = {name.rpartition("/")[2] for name in finding.get("among") or [finding["script_id"]]}
    alike = set(query.twins)
    in_opening = finding["known_at_ms"] <= query.opening_ends_ms + OPENING_GRACE_MS
    if query.sharing and named - alike == set(query.sharing):
        return "right" if in_opening else "vague"
    if query.sharing and query.script in named and in_opening:
        return "vague"
    if query.script and query.script in named:
        return "right" if named - alike == {query.script} else "vague"
    return "twin" if named <= alike else "wrong"


def identified_s(found: list[Judged]) -> float | None:
    """Seconds of script heard until it was first rightly named; None if it never was."""
    right = [one.heard_s for one in found if one.verdict == "right"]
    return min(right) if right else None


def named_wrong(found: list[Judged]) -> bool:
    return any(one.verdict == "wrong" for one in found)


def wilson(hits: int, total: int, z: float = 1.96) -> tuple[float, float]:
    """The 95 % confidence interval of a share (Wilson 1927)."""
    if total == 0:
        return 0.0, 1.0
    share = hits / total
    centre = (share + z * z / (2 * total)) / (1 + z * z / total)
    half = z / (1 + z * z / total) * (share * (1 - share) / total + z * z / (4 * total * total)) ** 0.5
    return max(0.0, centre - half), min(1.0, centre + half)
