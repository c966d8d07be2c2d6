"""Beeps, tones and answers as rows of tables, for the text report and the page alike."""


def tables(signals: dict) -> list[tuple[str, list[str], list[list]]]:
    """(title, header, rows) of every table."""
    share = lambda part, whole: f"{part / whole:.1%}" if whole else ""
    answers = signals["answers"]
    kinds = ("human", "machine", "unsure", "none")
    progress_heard = sorted({heard for counts in signals["progress"].values() for heard in counts})
    return [
        ("Beeps: found, start and end within 20 ms, median latency",
         ["beep", "calls", "found", "start", "end", "known after start", "known after end"],
         [[row["id"], row["calls"], share(row["found"], row["calls"]), share(row["start_accurate"], row["calls"]),
           share(row["end_accurate"], row["calls"]), _ms(row["known_after_start_ms"]), _ms(row["known_after_end_ms"])]
          for row in signals["beeps"]]),
        ("Taken for a beep", ["what it was", "calls", "hours", "beeps reported"],
         [[row["id"], row["calls"], f"{row['hours']:.2f}", row["beeps"]] for row in signals["false_beeps"]]),
        ("Call-progress tones: what was played (rows) and what was reported last", ["played", *progress_heard],
         [[truth, *(counts.get(heard, 0) for heard in progress_heard)] for truth, counts in signals["progress"].items()]),
        ("Keypad digits", ["sent", "right", "too many"],
         [[signals["dtmf"]["sent"], signals["dtmf"]["right"], signals["dtmf"]["extra"]]]),
        ("Who answered: truth (rows), first verdict", ["answered by", *kinds, "median decision after speech began"],
         [[truth, *(counts.get(kind, 0) for kind in kinds), _ms(answers["decided_after_ms"].get(truth))]
          for truth, counts in sorted(answers["first"].items())]),
        ("Who answered: truth (rows), last verdict", ["answered by", *kinds],
         [[truth, *(counts.get(kind, 0) for kind in kinds)] for truth, counts in sorted(answers["final"].items())]),
    ]


def _ms(value: float | None) -> str:
    return "" if value is None else f"{value:.0f} ms"
