"""Answers in words, made from the classes' names: the one place that API, client, page, PDF and batch quote."""

from collections.abc import Iterable, Sequence

from .answer import Triage
from .classes import ClassSpec

UNKNOWN_FIELD = "not a field that the model knows"
NO_PATTERN = "pattern not told"
NO_SIDE = "Malignant and benign cannot be told apart here with the certainty that the model promises."
NO_AGREEMENT = "Parts of this field are accepted as malignant and others as benign: look at its tiles."


def alternatives(names: Sequence[str]) -> str:
    """List what is possible, as within a sentence.

    Examples
    --------
    >>> alternatives(["early pre-B", "pre-B"]), alternatives(["a", "b", "c"]), alternatives([])
    ('early pre-B or pre-B', 'a, b or c', '')
    """
    return " or ".join(filter(None, [", ".join(names[:-1]), *names[-1:]]))


def summarise_answer(classes: Sequence[ClassSpec], triage: Triage | None, possible: Iterable[str]) -> str:
    """Say both levels in words.

    Parameters
    ----------
    classes
        Of the card.
    triage
        None without triage groups.
    possible
        The prediction set. Of an accepted triage, the labels of the other side are left out.

    Examples
    --------
    >>> blast = ClassSpec(id="Blast", name="blast", triage="malignant")
    >>> normal = ClassSpec(id="Normal", name="benign", triage="benign")
    >>> summarise_answer([blast, normal], Triage("malignant", 0.99, "accepted"), ["Blast"])
    'malignant; blast'
    >>> summarise_answer([blast, normal], Triage("benign", 0.01, "accepted"), ["Normal"])
    'benign'
    >>> summarise_answer([blast, normal], Triage("benign", 0.4, "uncertain"), ["Blast", "Normal"])
    'malignant or benign not told; blast or benign'
    >>> summarise_answer([ClassSpec(id="A", name="monocyte"), ClassSpec(id="B", name="lymphocyte")], None, [])
    'pattern not told'
    """
    in_set = set(possible)
    named = [spec for spec in classes if spec.id in in_set]
    if triage is None:
        return alternatives([spec.name for spec in named]) or NO_PATTERN
    if triage.verdict == "out_of_distribution":
        return UNKNOWN_FIELD
    if triage.verdict == "uncertain":
        first = "malignant or benign not told"
    else:
        first = str(triage.result)
        named = [spec for spec in named if spec.triage == triage.result]
    pattern = alternatives([spec.name for spec in named]) or NO_PATTERN
    return first if pattern.casefold() == first else f"{first}; {pattern}"


def looks_like(magnification: float) -> str:
    """Say how a field's magnification compares with the trained one.

    Examples
    --------
    >>> looks_like(0.5), looks_like(1.26)
    ('looks like 0.5x of the trained magnification', 'looks like 1.3x of the trained magnification')
    """
    return f"looks like {magnification:.2g}x of the trained magnification"
