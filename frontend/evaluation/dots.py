"""The two questions of a haematologist, answered in a sentence and a hundred dots each.

How often does the model miss a leukaemia on a slide that it has not seen, and how often does it cry wolf? The numbers
are those of the strictest protocol of the card: whole slides left out.
"""

import base64
from dataclasses import dataclass
from typing import Literal

from frontend.evaluation.evidence import Evidence, Protocol
from frontend.translation import _

Side = Literal["malignant", "benign"]
STRICTEST = "slides"
HUNDRED = 100
COLUMNS, STEP_PX = 20, 18
RIGHT, OPEN, WRONG = "right", "open", "wrong"


@dataclass(frozen=True)
class Hundred:
    """What becomes of fields of one side, as shares that sum to 1.

    Attributes
    ----------
    side
        What the fields show in truth.
    right, open, wrong
        Called so, not decided or not known, and called the other.
    fields
        How many were measured; 0 where the card does not tell.
    abstains
        Whether the model may leave a field undecided; without, every field is called one or the other.
    """

    side: Side
    right: float
    open: float
    wrong: float
    fields: int
    abstains: bool

    @property
    def dots(self) -> list[str]:
        """Name each of a hundred dots; shares are rounded so that their sum is a hundred (largest remainders)."""
        shares = {WRONG: self.wrong, OPEN: self.open, RIGHT: self.right}
        counts = {name: int(share * HUNDRED) for name, share in shares.items()}
        by_remainder = sorted(shares, key=lambda name: counts[name] - shares[name] * HUNDRED)
        for name in by_remainder[: HUNDRED - sum(counts.values())]:
            counts[name] += 1
        return [name for name in (RIGHT, OPEN, WRONG) for _dot in range(counts[name])]


def answers(evidence: Evidence, malignant: list[bool]) -> list[Hundred]:
    """Answer both questions, as far as the card tells.

    Parameters
    ----------
    evidence : Evidence
        Of the card.
    malignant : list of bool
        Of each label in the model's order, whether it counts as malignant.

    Returns
    -------
    list of Hundred
        Malignant first; empty for a model without two sides, or that was not measured on slides left out.
    """
    measured = evidence.protocols.get(STRICTEST)
    if measured is None or all(malignant) or not any(malignant):
        return []
    counts = _fields(measured, malignant)
    by_triage = _by_triage(measured, counts)
    return by_triage or _by_label(measured, counts)


def _fields(measured: Protocol, malignant: list[bool]) -> dict[Side, int]:
    if len(measured.confusion) != len(malignant):
        return {"malignant": 0, "benign": 0}
    rows = [(sum(row), side) for row, side in zip(measured.confusion, malignant, strict=True)]
    return {
        "malignant": sum(count for count, side in rows if side),
        "benign": sum(count for count, side in rows if not side),
    }


def _value(measured: Protocol, name: str) -> float | None:
    estimate = measured.metrics.get(name)
    return None if estimate is None else min(1.0, max(0.0, estimate.value))


def _by_triage(measured: Protocol, counts: dict[Side, int]) -> list[Hundred]:
    hundreds = []
    scores: dict[Side, str] = {"malignant": "sensitivity", "benign": "specificity"}
    for side, score in scores.items():
        right = _value(measured, f"triage_{score}_of_accepted")
        decided = _value(measured, f"triage_coverage_of_{side}")
        if decided is None:
            decided = _decided(measured, counts).get(side)
        if decided is None or (right is None and decided > 0):
            return []
        right = decided * (right or 0.0)
        hundreds.append(Hundred(side, right, 1 - decided, decided - right, counts[side], abstains=True))
    return hundreds


def _decided(measured: Protocol, counts: dict[Side, int]) -> dict[Side, float]:
    """Work out the decided share of each side for a card that has only that of both together.

    Of the decided fields, a share w is malignant: accuracy = w * sensitivity + (1 - w) * specificity.
    """
    names = ("coverage", "accuracy_of_accepted", "sensitivity_of_accepted", "specificity_of_accepted")
    coverage, accuracy, sensitivity, specificity = (_value(measured, f"triage_{name}") for name in names)
    if coverage is None or accuracy is None or sensitivity is None or specificity is None:
        return {}
    if sensitivity == specificity or 0 in counts.values():
        return {}
    decided = coverage * sum(counts.values())
    share = min(1.0, max(0.0, (accuracy - specificity) / (sensitivity - specificity)))
    return {
        "malignant": min(1.0, decided * share / counts["malignant"]),
        "benign": min(1.0, decided * (1 - share) / counts["benign"]),
    }


def _by_label(measured: Protocol, counts: dict[Side, int]) -> list[Hundred]:
    sensitivity, specificity = (_value(measured, f"malignant_{name}") for name in ("sensitivity", "specificity"))
    if sensitivity is None or specificity is None:
        return []
    return [
        Hundred("malignant", sensitivity, 0.0, 1 - sensitivity, counts["malignant"], abstains=False),
        Hundred("benign", specificity, 0.0, 1 - specificity, counts["benign"], abstains=False),
    ]


def question(hundred: Hundred) -> str:
    """Give the question that a hundred dots answer."""
    if hundred.side == "malignant":
        return _("How often does it miss a leukaemia on a new slide?")
    return _("How often does it cry wolf?")


def sentence(hundred: Hundred) -> str:
    """Answer in one sentence."""
    values = {"right": _count(hundred.right), "open": _count(hundred.open), "wrong": _count(hundred.wrong)}
    if hundred.side == "malignant" and hundred.abstains:
        text = _("Of 100 fields with leukaemia, it calls {wrong} benign, {right} malignant, and leaves {open} to you.")
    elif hundred.side == "malignant":
        text = _("Of 100 fields with leukaemia, it calls {wrong} benign and {right} malignant.")
    elif hundred.abstains:
        text = _("Of 100 benign fields, it calls {wrong} malignant, {right} benign, and leaves {open} to you.")
    else:
        text = _("Of 100 benign fields, it calls {wrong} malignant and {right} benign.")
    return text.format(**values)


def measured_on(hundred: Hundred) -> str:
    """Say what the sentence rests on."""
    return _("Measured on {fields} fields of slides that it had not seen.").format(fields=hundred.fields)


def _count(share: float) -> str:
    """Write a share as a count of a hundred: never none where there was one, never all where one was missing.

    Examples
    --------
    >>> _count(0.0), _count(0.0004), _count(0.75), _count(0.997), _count(1.0)
    ('none', 'fewer than 1', '75', 'over 99', 'all')
    """
    if share <= 0:
        return _("none")
    if share >= 1:
        return _("all")
    if share < 0.01:
        return _("fewer than 1")
    if share > 0.99:
        return _("over 99")
    return str(round(share * HUNDRED))


def legend(hundred: Hundred) -> list[tuple[str, str]]:
    """Name the dots that there are, in their order: kind, and what it means."""
    other = {"malignant": _("called benign: missed"), "benign": _("called malignant: a false alarm")}
    named = {
        RIGHT: _("called malignant") if hundred.side == "malignant" else _("called benign"),
        OPEN: _("left to you"),
        WRONG: other[hundred.side],
    }
    present = set(hundred.dots)
    return [(kind, text) for kind, text in named.items() if kind in present]


_COLOURS = {
    "light": {"malignant": "#a3105f", "benign": "#0a5c9c", OPEN: "#7d5200", WRONG: "#150f24"},
    "dark": {"malignant": "#ff7db9", "benign": "#74bbff", OPEN: "#f3b94d", WRONG: "#ece8f6"},
}
"""Those of the workplace's findings (workplace.css)."""


def picture(hundred: Hundred, theme: str) -> str:
    """Draw a hundred dots as SVG: full discs are right, rings are left open, crosses are wrong.

    Parameters
    ----------
    hundred : Hundred
        What to draw.
    theme : str
        ``light`` or ``dark``.

    Returns
    -------
    str
        A ``data:`` address.
    """
    colours = _COLOURS[theme]
    drawn = [
        _dot(kind, (number % COLUMNS + 0.5) * STEP_PX, (number // COLUMNS + 0.5) * STEP_PX, colours, hundred.side)
        for number, kind in enumerate(hundred.dots)
    ]
    return _svg(drawn, COLUMNS * STEP_PX, HUNDRED // COLUMNS * STEP_PX)


def sign(kind: str, hundred: Hundred, theme: str) -> str:
    """Draw one dot, for the legend."""
    return _svg([_dot(kind, STEP_PX / 2, STEP_PX / 2, _COLOURS[theme], hundred.side)], STEP_PX, STEP_PX)


def _svg(drawn: list[str], width_px: int, height_px: int) -> str:
    text = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width_px} {height_px}">{"".join(drawn)}</svg>'
    return f"data:image/svg+xml;base64,{base64.b64encode(text.encode()).decode()}"


def _dot(kind: str, x: float, y: float, colours: dict[str, str], side: Side) -> str:
    if kind == RIGHT:
        return f'<circle cx="{x}" cy="{y}" r="6.5" fill="{colours[side]}"/>'
    if kind == OPEN:
        return f'<circle cx="{x}" cy="{y}" r="5" fill="none" stroke="{colours[OPEN]}" stroke-width="2.4"/>'
    low_x, high_x, low_y, high_y = x - 5, x + 5, y - 5, y + 5
    path = f"M{low_x} {low_y} {high_x} {high_y}M{low_x} {high_y} {high_x} {low_y}"
    return f'<path d="{path}" stroke="{colours[WRONG]}" stroke-width="3.4" stroke-linecap="round"/>'
