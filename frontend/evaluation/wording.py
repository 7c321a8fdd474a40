"""What the page says of an evaluation: names for what the card calls by keys, and charts in words."""

from decimal import Decimal

from frontend.evaluation.evidence import Estimate, Evidence, Protocol
from frontend.translation import _, mark
from frontend.wording import NO_BREAK

PROTOCOLS = {
    "random": (
        mark("Random fields"),
        mark(
            "Test fields are drawn at random: most have a neighbour of the same slide among the training fields. "
            "Papers on this data set report this number. It is too optimistic."
        ),
    ),
    "contiguous": (
        mark("Runs of fields"),
        mark("Test fields are runs of neighbouring file numbers, with a gap to the training fields."),
    ),
    "slides": (
        mark("Whole slides"),
        mark(
            "All fields of a slide, as far as slides can be told apart, are tested together. This is the closest to a "
            "new patient."
        ),
    ),
}
"""Title, and what it means; from the kindest to the strictest."""

SHORTCUTS = {
    "mean_colour": mark("Mean colour"),
    "corner": mark("Corner with scale bar"),
    "background": mark("Background"),
    "density": mark("Density of cells"),
    "chance": mark("Chance"),
}
METRICS = {
    "balanced_accuracy": mark("Balanced accuracy"),
    "balanced_accuracy_by_slide": mark("Balanced accuracy, by slide"),
    "worst_fold_balanced_accuracy": mark("Balanced accuracy, worst fold"),
    "accuracy": mark("Accuracy"),
    "macro_f1": mark("F1, mean of the labels"),
    "malignant_sensitivity": mark("Sensitivity, malignant"),
    "malignant_specificity": mark("Specificity, malignant"),
    "auroc": mark("Area under the ROC curve"),
    "coverage": mark("Accepted (share of fields)"),
    "accuracy_of_accepted": mark("Accuracy of the accepted"),
    "expected_calibration_error": mark("Calibration error (less is better)"),
    "brier": mark("Brier score (less is better)"),
}
PLAIN_NUMBERS = ("auroc", "expected_calibration_error", "brier")
"""Metrics that are no shares."""

STRANGERS = {
    "bccd": mark("Blood smears of another laboratory (BCCD)"),
    "photographs": mark("Photographs of other things"),
    "medical": mark("Medical images of other kinds"),
    "noise": mark("Noise"),
    "blank": mark("Blank fields"),
    "synthetic": mark("Fields drawn by a program"),
}
DISTURBANCES = {
    "none": mark("Not changed"),
    "jpeg_30": mark("Strong JPEG compression"),
    "blur": mark("Out of focus"),
    "brighter": mark("Brighter"),
    "darker": mark("Darker"),
    "stain_bluer": mark("Stain more blue"),
    "stain_pinker": mark("Stain more pink"),
    "half_resolution": mark("Half the resolution"),
    "noise": mark("Camera noise"),
}


def words(key: str) -> str:
    """Write a key of the card as a person would.

    Examples
    --------
    >>> words("jpeg_quality_30")
    'Jpeg quality 30'
    """
    return key.replace("_", " ").capitalize()


def share(value: float) -> str:
    """Write a share as a percentage with one decimal; 1 is exactly all of them here."""
    return f"{value:.1%}".replace("%", f"{NO_BREAK}%")


def tiny(value: float) -> str:
    """Write a small number in one digit, without an exponent.

    Examples
    --------
    >>> tiny(5.66e-6)
    '0.000006'
    """
    return f"{Decimal(f'{value:.1g}'):f}"


def estimate(measured: Estimate | None, *, plain: bool = False) -> str:
    """Write an estimate with its interval.

    Examples
    --------
    >>> estimate(Estimate(value=0.9514, low=0.93, high=0.97)).replace(NO_BREAK, " ")
    '95.1 % (93.0 to 97.0)'
    """
    if measured is None:
        return _("not measured")
    value = f"{measured.value:.3f}" if plain else share(measured.value)
    if measured.low is None or measured.high is None:
        return value
    bounds = (f"{bound:.3f}" if plain else f"{bound:.1%}".removesuffix("%") for bound in (measured.low, measured.high))
    low, high = bounds
    return _("{value} ({low} to {high})").format(value=value, low=low, high=high)


def best_shortcut(evidence: Evidence, protocol: str) -> tuple[str, float] | None:
    """Give the name and the score of the shortcut that does best on a protocol's folds."""
    scores = {name: by[protocol] for name, by in evidence.shortcuts.items() if protocol in by}
    if not scores:
        return None
    name = max(scores, key=scores.__getitem__)
    return shortcut(name), scores[name]


def gain(evidence: Evidence, protocol: str) -> str:
    """Say what the model adds to the best shortcut; nothing where either was not measured."""
    score, best = evidence.protocols[protocol].score, best_shortcut(evidence, protocol)
    if score is None or best is None:
        return ""
    points = 100 * (score.value - best[1])
    sentence = (
        _("**{points} points** against the best shortcut ({name}).")
        if points >= 0
        else _("**{points} points**, worse than the best shortcut ({name}).")
    )
    return sentence.format(points=f"{points:+.1f}", name=best[0])


def comparison(evidence: Evidence, protocol: str) -> str:
    """Say in words what the chart of a protocol shows."""
    scores = {shortcut(name): by.get(protocol) for name, by in evidence.shortcuts.items()}
    shortcut_scores = [
        _("{name} alone {score}").format(name=name, score=share(score))
        for name, score in scores.items()
        if score is not None
    ]
    folds = ", ".join(share(fold.balanced_accuracy) for fold in evidence.protocols[protocol].folds)
    model = _("model {score}").format(score=estimate(evidence.protocols[protocol].score))
    model += ", " + _("folds {scores}").format(scores=folds) if folds else ""
    return _("Balanced accuracy: {scores}.").format(scores="; ".join([model, *shortcut_scores]))


def confusion(protocol: Protocol, labels: list[str]) -> str:
    """Say in words what the confusion matrix shows."""
    rows = (
        _("of {count} {label}:").format(count=sum(row), label=label)
        + " "
        + ", ".join(
            _("{count} called {label}").format(count=n, label=predicted)
            for n, predicted in zip(row, labels, strict=True)
        )
        for label, row in zip(labels, protocol.confusion, strict=True)
    )
    return _("Confusion matrix: {rows}.").format(rows="; ".join(rows))


def reliability(protocol: Protocol) -> str:
    """Say in words what the reliability diagram shows."""
    bins = (
        _("said {said}, right {right} of {count}").format(said=share(confidence), right=share(right), count=count)
        for confidence, right, count in protocol.reliability
    )
    return _("Reliability: {bins}.").format(bins="; ".join(bins))


def risk(protocol: Protocol) -> str:
    """Say in words what the risk-coverage curve shows, at some points of it."""
    points = protocol.risk_coverage
    quarters = [points[round(part * (len(points) - 1) / 4)] for part in range(5)]
    parts = (
        _("{answered} answered, {wrong} wrong").format(answered=share(answered), wrong=share(wrong))
        for answered, wrong in quarters
    )
    return _("Risk and coverage: {points}.").format(points="; ".join(parts))


def robustness(evidence: Evidence) -> str:
    """Say in words what the chart of disturbances shows."""
    scores = (f"{disturbance(name)} {estimate(score)}" for name, score in evidence.robustness.items())
    return _("Balanced accuracy on changed images: {scores}.").format(scores="; ".join(scores))


def disturbance(name: str) -> str:
    """Name a disturbance."""
    return _(DISTURBANCES[name]) if name in DISTURBANCES else words(name)


def shortcut(name: str) -> str:
    """Name a shortcut."""
    return _(SHORTCUTS[name]) if name in SHORTCUTS else words(name)


def stranger(name: str) -> str:
    """Name a set of images that are no fields."""
    return _(STRANGERS[name]) if name in STRANGERS else words(name)


def protocol_title(name: str) -> str:
    """Name a way of choosing the test fields."""
    return _(PROTOCOLS[name][0]) if name in PROTOCOLS else words(name)


def protocol_meaning(name: str) -> str:
    """Say what a way of choosing the test fields means; empty for an unknown one."""
    return _(PROTOCOLS[name][1]) if name in PROTOCOLS else ""
