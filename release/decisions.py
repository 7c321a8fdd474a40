"""The index of docs/decisions, one line a decision."""

import re
from collections.abc import Mapping
from pathlib import Path

# Numbers are given in tens to one part of the system each.
PARTS: Mapping[str, range] = {
    "The project": range(1, 10),
    "API and inference": range(10, 20),
    "Local run and client": range(20, 30),
    "Infrastructure": range(30, 40),
    "Page": range(40, 50),
    "Model, training and evidence": range(50, 80),
    "Measurements, documents, releases": range(80, 90),
    "Promotion and rollback": range(90, 100),
    "Later decisions": range(100, 1000),
}
_OPENING = """\
# Decisions

What was chosen where something else would have been reasonable, why, and when to look again. Index made by `make docs`.
A time that a decision quotes was seen when it was taken, on the machine and the model of that day; today's are in
[Measurements](../benchmarks.md).
"""


def decisions(folder: Path) -> str:
    """Write the index of the decisions.

    Raises
    ------
    ValueError
        A file is not called ``NNN-words.md``, does not start with ``# NNN: title``, or shares its number.
    """
    titles: dict[int, str] = {}
    for path in sorted(folder.glob("*.md")):
        if path.name == "index.md":
            continue
        number = re.match(r"(\d{3})-", path.name)
        title = re.match(r"# (\d{3}): (.+)\n", path.read_text())
        if number is None or title is None or number[1] != title[1]:
            raise ValueError(f"{path.name} should be called NNN-words.md and start with '# NNN: title'")
        if int(number[1]) in titles:
            raise ValueError(f"{path.name} has another decision's number: take a free one")
        # A title starts with a capital letter in the index, whatever its page does.
        titles[int(number[1])] = f"- [{number[1]}]({path.name}): {title[2][0].upper()}{title[2][1:]}"
    lines = [_OPENING]
    for part, numbers in PARTS.items():
        if entries := [line for number, line in titles.items() if number in numbers]:
            lines += [f"## {part}", "", *entries, ""]
    return "\n".join(lines).rstrip() + "\n"
