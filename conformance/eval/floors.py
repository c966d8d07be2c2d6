"""Floors: what a run may not fall below. They catch regressions; the bars say what the product promises."""

import json

import bootstrap


def broken(mode: str, result: dict) -> list[str]:
    """What of the result breaks a floor, a sentence each."""
    floors = json.loads((bootstrap.EVAL_DIR / "floors.json").read_text())[mode]
    found = []
    groups = {row["id"]: row for row in result["shares"]["groups"]}
    for group, columns in floors["identified"].items():
        for seconds, least in columns.items():
            share = groups[group]["after"][seconds] if group in groups else 0.0
            if share < least:
                found.append(f"{group}: {share:.1%} identified after {seconds} s, the floor is {least:.1%}")
    for name, most in floors["at_most"].items():
        count = result["errors"]["alarms_total"] if name == "alarms_total" else result["errors"][name]["count"]
        if count > most:
            found.append(f"{name}: {count} calls, at most {most} allowed")
    for name, (share, least, most) in _signals(floors["signals"], result["signals"]).items():
        if not least <= share <= most:
            found.append(f"{name}: {share:.1%}; allowed is {least:.1%} to {most:.1%}")
    return found


def _signals(floors: dict, signals: dict) -> dict[str, tuple[float, float, float]]:
    """Of beeps, tones and answers: the share, the least and the most allowed."""
    beeps = next(row for row in signals["beeps"] if row["id"] == "all")
    false = [row for row in signals["false_beeps"] if row["id"] != "music"]
    answers = signals["answers"]["final"]
    machines = [answers[who] for who in ("mailbox", "announcement")]
    part = lambda counts, wanted: sum(row.get(wanted, 0) for row in counts) / sum(sum(row.values()) for row in counts)
    tones = signals["progress"]
    right = sum(counts.get(truth, 0) for truth, counts in tones.items())
    least = {
        "beeps found": beeps["found"] / beeps["calls"],
        "call-progress tones right": right / sum(sum(counts.values()) for counts in tones.values()),
        "keypad digits right": signals["dtmf"]["right"] / signals["dtmf"]["sent"],
        "machines right": part(machines, "machine"),
    }
    most = {
        "false beeps a call": sum(row["beeps"] for row in false) / sum(row["calls"] for row in false),
        "people called machines": part([answers["human"]], "machine"),
    }
    return {name: (share, floors[name], 1.0) for name, share in least.items()} | {
        name: (share, 0.0, floors[name]) for name, share in most.items()
    }
