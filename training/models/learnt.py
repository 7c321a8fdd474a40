"""Whether a network has learnt anything: one that has diverged answers, too, and its file would be shipped."""

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

LEAST_FIELDS = 20
"""Held out: from fewer, chance cannot be told from learning, and only what is no number is refused."""
LEAST_SHARE = 0.1
"""Of the way from chance to perfection. A linear head on the mean colour of a field gets 0.9 of it."""


class DivergedError(ArithmeticError):
    """The network has learnt nothing, or its loss is no number any more."""


class WeightsError(ValueError):
    """The ImageNet weights cannot be had; says how to give them."""


def demand_numbers(values: Iterable[NDArray[np.floating[Any]]], method: str, advice: str) -> None:
    """Refuse a network whose losses or weights are no numbers: of the last step no loss tells, but its weights do.

    Raises
    ------
    DivergedError
        Some are not; says what to change.
    """
    if not all(np.isfinite(array).all() for array in values):
        raise DivergedError(f"{method}: loss or weights are no numbers any more; nothing is written: {advice}")


def demand_learnt(labels: NDArray[np.int64], probabilities: NDArray[np.floating[Any]], names: Sequence[str]) -> None:
    """Refuse a network whose answers to fields that it did not learn from tell nothing.

    Parameters
    ----------
    labels : int64[n]
        Truth.
    probabilities : float[n, labels]
        Answers.
    names
        Of the labels.

    Raises
    ------
    DivergedError
        They are no numbers, all the same label, or no better than chance; says what to change.
    """
    advice = "lower --learning-rate, train longer by --epochs, or look at the fields: python -m training slides"
    if not np.isfinite(probabilities).all():
        raise DivergedError(f"the network answers with what are no numbers; nothing is written: {advice}")
    answers, classes = probabilities.argmax(1), len(np.unique(labels))
    if classes < 2 or len(labels) < LEAST_FIELDS:
        return
    if len(np.unique(answers)) == 1:
        raise DivergedError(
            f"the network calls every one of {len(labels)} held-out fields {names[int(answers[0])]}: it has learnt "
            f"nothing, and nothing is written; {advice}"
        )
    from sklearn.metrics import balanced_accuracy_score  # takes seconds, and no --help waits for it

    accuracy, chance = float(balanced_accuracy_score(labels, answers)), 1 / classes
    if accuracy < chance + LEAST_SHARE * (1 - chance):
        raise DivergedError(
            f"the network's balanced accuracy on {len(labels)} held-out fields is {accuracy:.3f}, where guessing gets "
            f"{chance:.3f}: it has learnt nothing, and nothing is written; {advice}"
        )
