"""What the page says of an evaluation: names for what the card calls by keys, and charts in words."""

from decimal import Decimal

from frontend.evaluation.evidence import Estimate, Evidence, Protocol
from frontend.wording import NO_BREAK

PROTOCOLS = {
    "random": (
        "Random fields",
        "Test fields are drawn at random: most have a neighbour of the same slide among the training fields. Papers "
        "on this data set report this number. It is too optimistic.",
    ),
    "contiguous": (
        "Runs of fields",
        "Test fields are runs of neighbouring file numbers, with a gap to the training fields.",
    ),
    "slides": (
        "Whole slides",
        "All fields of a slide, as far as slides can be told apart, are tested together. This is the closest to a new "
        "patient.",
    ),
}
"""Title, and what it means; from the kindest to the strictest."""

SHORTCUTS = {
    "mean_colour": "Mean colour",
    "corner": "Corner with scale bar",
    "background": "Background",
    "density": "Density of cells",
    "chance": "Chance",
}
METRICS = {
    "balanced_accuracy": "Balanced accuracy",
    "balanced_accuracy_by_slide": "Balanced accuracy, by slide",
    "worst_fold_balanced_accuracy": "Balanced accuracy, worst fold",
    "accuracy": "Accuracy",
    "macro_f1": "F1, mean of the labels",
    "malignant_sensitivity": "Sensitivity, malignant",
    "malignant_specificity": "Specificity, malignant",
    "auroc": "Area under the ROC curve",
    "coverage": "Accepted (share of fields)",
    "accuracy_of_accepted": "Accuracy of the accepted",
    "expected_calibration_error": "Calibration error (less is better)",
    "brier": "Brier score (less is better)",
}
PLAIN_NUMBERS = ("auroc", "expected_calibration_error", "brier")
"""Metrics that are no shares."""

STRANGERS = {
    "bccd": "Blood smears of another laboratory (BCCD)",
    "photographs": "Photographs of other things",
    "medical": "Medical images of other kinds",
    "noise": "Noise",
    "blank": "Blank fields",
    "synthetic": "Fields drawn by a program",
}
DISTURBANCES = {
    "none": "Not changed",
    "jpeg_30": "Strong JPEG compression",
    "blur": "Out of focus",
    "brighter": "Brighter",
    "darker": "Darker",
    "stain_bluer": "Stain more blue",
    "stain_pinker": "Stain more pink",
    "half_resolution": "Half the resolution",
    "noise": "Camera noise",
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


def estimate(one: Estimate | None, *, plain: bool = False) -> str:
    """Write an estimate with its interval.

    Examples
    --------
    >>> estimate(Estimate(value=0.9514, low=0.93, high=0.97)).replace(NO_BREAK, " ")
    '95.1 % (93.0 to 97.0)'
    """
    if one is None:
        return "not measured"
    value = f"{one.value:.3f}" if plain else share(one.value)
    if one.low is None or one.high is None:
        return value
    bounds = (f"{bound:.3f}" if plain else f"{bound:.1%}".removesuffix("%") for bound in (one.low, one.high))
    return f"{value} ({' to '.join(bounds)})"


def best_shortcut(evidence: Evidence, protocol: str) -> tuple[str, float] | None:
    """Give the name and the score of the shortcut that does best on a protocol's folds."""
    scores = {name: by[protocol] for name, by in evidence.shortcuts.items() if protocol in by}
    if not scores:
        return None
    name = max(scores, key=scores.__getitem__)
    return SHORTCUTS.get(name, words(name)), scores[name]


def gain(evidence: Evidence, protocol: str) -> str:
    """Say what the model adds to the best shortcut; nothing where either was not measured."""
    score, best = evidence.protocols[protocol].score, best_shortcut(evidence, protocol)
    if score is None or best is None:
        return ""
    points = 100 * (score.value - best[1])
    more = f"**{points:+.1f} points** against" if points >= 0 else f"**{points:.1f} points**, worse than"
    return f"{more} the best shortcut ({best[0].lower()})."


def comparison(evidence: Evidence, protocol: str) -> str:
    """Say in words what the chart of a protocol shows."""
    scores = {SHORTCUTS.get(name, words(name)): by.get(protocol) for name, by in evidence.shortcuts.items()}
    said = [f"{name} alone {share(score)}" for name, score in scores.items() if score is not None]
    folds = ", ".join(share(fold.balanced_accuracy) for fold in evidence.protocols[protocol].folds)
    model = f"model {estimate(evidence.protocols[protocol].score)}" + (f", folds {folds}" if folds else "")
    return f"Balanced accuracy: {'; '.join([model, *said])}."


def confusion(protocol: Protocol, labels: list[str]) -> str:
    """Say in words what the confusion matrix shows."""
    rows = (
        f"of {sum(row)} {label}: "
        + ", ".join(f"{count} called {told}" for count, told in zip(row, labels, strict=True))
        for label, row in zip(labels, protocol.confusion, strict=True)
    )
    return f"Confusion matrix: {'; '.join(rows)}."


def reliability(protocol: Protocol) -> str:
    """Say in words what the reliability diagram shows."""
    bins = (f"said {share(said)}, right {share(right)} of {count}" for said, right, count in protocol.reliability)
    return f"Reliability: {'; '.join(bins)}."


def risk(protocol: Protocol) -> str:
    """Say in words what the risk-coverage curve shows, at some points of it."""
    points = protocol.risk_coverage
    shown = [points[round(part * (len(points) - 1) / 4)] for part in range(5)]
    said = (f"{share(answered)} answered, {share(wrong)} wrong" for answered, wrong in shown)
    return f"Risk and coverage: {'; '.join(said)}."


def robustness(evidence: Evidence) -> str:
    """Say in words what the chart of disturbances shows."""
    said = (f"{disturbance(name)} {estimate(one)}" for name, one in evidence.robustness.items())
    return f"Balanced accuracy on changed images: {'; '.join(said)}."


def disturbance(name: str) -> str:
    """Name a disturbance."""
    return DISTURBANCES.get(name, words(name))
