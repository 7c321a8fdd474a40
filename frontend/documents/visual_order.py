"""The order in which the letters of a line are seen, by the Unicode Bidirectional Algorithm (UAX #9, revision 50).

Of the algorithm, what a line needs that runs from left to right and holds no sign that turns letters round
(``untrusted.in_terminal`` writes those as escapes): its rules W1 to W7, N0 to N2, I1, L1, L2 and L4, named below.
Libraries that have all of it come under the LGPL, which this project hands on to nobody (decision 270).
"""

import unicodedata
from collections.abc import Sequence

PAIRS = ("()", "[]", "{}")
"""Brackets that go together (N0)."""
_FACING = (
    *PAIRS,
    "<>",
    "\N{LEFT-POINTING DOUBLE ANGLE QUOTATION MARK}\N{RIGHT-POINTING DOUBLE ANGLE QUOTATION MARK}",
    "\N{SINGLE LEFT-POINTING ANGLE QUOTATION MARK}\N{SINGLE RIGHT-POINTING ANGLE QUOTATION MARK}",
)
MIRRORED = {pair[here]: pair[1 - here] for pair in _FACING for here in (0, 1)}
"""What is drawn for a sign where letters run from right to left (L4)."""
_STRONG = ("L", "R", "AL")
_NUMBERS = ("EN", "AN")
_NEUTRAL = ("B", "S", "WS", "ON", "BN")


def runs_from_right(letter: str) -> bool:
    """Tell whether a letter is of a script that runs from right to left."""
    return unicodedata.bidirectional(letter) in ("R", "AL")


def visual_order(line: str) -> list[tuple[str, bool]]:
    """Put a line in the order in which it is seen.

    Parameters
    ----------
    line : str
        In the order in which it is read.

    Returns
    -------
    list[tuple[str, bool]]
        From left to right: what is drawn, and whether it belongs to a part that runs from right to left.
    """
    levels = _levels(line)
    order = list(range(len(line)))
    for level in range(max(levels, default=0), 0, -1):  # L2
        start = 0
        while start < len(order):
            end = start
            while end < len(order) and levels[order[end]] >= level:
                end += 1
            order[start:end] = reversed(order[start:end])
            start = max(end, start + 1)
    from_right = [(line[position], levels[position] % 2 == 1) for position in order]
    return [(MIRRORED.get(letter, letter) if turned else letter, turned) for letter, turned in from_right]  # L4


def _levels(line: str) -> list[int]:
    kinds = [unicodedata.bidirectional(letter) or "L" for letter in line]
    _weak(kinds)
    _brackets(line, kinds)
    _neutral(kinds)
    levels = [{"R": 1, "EN": 2, "AN": 2}.get(kind, 0) for kind in kinds]  # I1
    for position in range(len(line) - 1, -1, -1):  # L1
        if not line[position].isspace():
            break
        levels[position] = 0
    return levels


def _weak(kinds: list[str]) -> None:
    """Give numbers, their signs and marks above letters the side that they belong to."""
    strong = "L"
    for position, kind in enumerate(kinds):
        if kind == "NSM":  # W1
            kinds[position] = kind = kinds[position - 1] if position else "L"
        if kind in _STRONG:
            strong = kind
        elif kind == "EN" and strong == "AL":  # W2
            kinds[position] = "AN"
    kinds[:] = ["R" if kind == "AL" else kind for kind in kinds]  # W3
    _signs_of_numbers(kinds)
    strong = "L"
    for position, kind in enumerate(kinds):  # W7
        strong = kind if kind in ("L", "R") else strong
        if kind == "EN" and strong == "L":
            kinds[position] = "L"


def _signs_of_numbers(kinds: list[str]) -> None:
    for position in range(1, len(kinds) - 1):  # W4
        before, kind, after = kinds[position - 1 : position + 2]
        if before == after and ((kind == "CS" and before in _NUMBERS) or (kind == "ES" and before == "EN")):
            kinds[position] = before
    for start, end in _stretches(kinds, ("ET",)):  # W5
        if "EN" in (*kinds[max(0, start - 1) : start], *kinds[end : end + 1]):
            kinds[start:end] = ["EN"] * (end - start)
    kinds[:] = ["ON" if kind in ("ES", "ET", "CS") else kind for kind in kinds]  # W6


def _brackets(line: str, kinds: list[str]) -> None:
    """Give both brackets of a pair the same side: that of the line, where anything in them has it (N0)."""
    for opened, closed in _paired(line, kinds):
        inside = {_side(kind) for kind in kinds[opened + 1 : closed]}
        before = next((side for kind in reversed(kinds[:opened]) if (side := _side(kind))), "L")
        if not inside & {"L", "R"}:
            continue
        for position in (opened, closed):
            end = position + 1
            while end < len(line) and unicodedata.bidirectional(line[end]) == "NSM":
                end += 1  # marks above a bracket go with it
            kinds[position:end] = ["L" if "L" in inside else before] * (end - position)


def _paired(line: str, kinds: Sequence[str]) -> list[tuple[int, int]]:
    pairs, waiting = [], list[tuple[str, int]]()
    for position, letter in enumerate(line):
        if kinds[position] != "ON":
            continue
        closing = next((pair[1] for pair in PAIRS if pair[0] == letter), None)
        if closing is not None:
            waiting.append((closing, position))
        elif any(letter == expected for expected, _ in waiting):
            while True:
                expected, opened = waiting.pop()
                if expected == letter:
                    pairs.append((opened, position))
                    break
    return sorted(pairs)


def _neutral(kinds: list[str]) -> None:
    """Give blanks and signs the side of the letters around them (N1), else that of the line (N2)."""
    for start, end in _stretches(kinds, _NEUTRAL):
        before = _side(kinds[start - 1]) if start else "L"
        after = _side(kinds[end]) if end < len(kinds) else "L"
        kinds[start:end] = [before if before == after else "L"] * (end - start)


def _side(kind: str) -> str:
    """Give the side of a kind; numbers count as running from the right here, and neutral ones have none."""
    return "L" if kind == "L" else "R" if kind in ("R", *_NUMBERS) else ""


def _stretches(kinds: Sequence[str], of: Sequence[str]) -> list[tuple[int, int]]:
    stretches, start = [], None
    for position, kind in enumerate([*kinds, ""]):
        if kind in of and start is None:
            start = position
        elif kind not in of and start is not None:
            stretches.append((start, position))
            start = None
    return stretches
