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
    return found
