"""Reads the evaluation of a card. Its writer may be older or newer than this page: what cannot be read is named."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, FiniteFloat, TypeAdapter, ValidationError, model_validator

PARTS = ("manifest_digest", "protocols", "shortcuts", "robustness", "strangers", "parity")


class _Part(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)


class Estimate(_Part):
    """A number, and its 95 % interval where one was measured."""

    value: FiniteFloat
    low: FiniteFloat | None = None
    high: FiniteFloat | None = None

    @model_validator(mode="before")
    @classmethod
    def _widen(cls, estimate: Any) -> Any:
        """Take a bare number for an estimate without an interval."""
        return {"value": estimate} if isinstance(estimate, int | float) else estimate


def _measured(estimates: Any) -> Any:
    """Leave out what could not be measured: JSON writes a number that is none as null."""
    if not isinstance(estimates, Mapping):
        return estimates
    return {
        name: estimate
        for name, estimate in estimates.items()
        if estimate is not None and not (isinstance(estimate, Mapping) and estimate.get("value") is None)
    }


Estimates = Annotated[dict[str, Estimate], BeforeValidator(_measured)]


class Fold(_Part):
    """Balanced accuracy on the test fields of one fold."""

    name: str
    balanced_accuracy: FiniteFloat
    images: int | None = None


class Protocol(_Part):
    """The answers of all folds of one way of keeping fields apart."""

    folds: list[Fold] = []
    images: int | None = None
    metrics: Estimates = {}
    sensitivity: Estimates = {}
    specificity: Estimates = {}
    confusion: list[list[int]] = []
    reliability: list[tuple[FiniteFloat, FiniteFloat, int]] = []
    risk_coverage: list[tuple[FiniteFloat, FiniteFloat]] = []

    @property
    def score(self) -> Estimate | None:
        """Balanced accuracy; the mean of the folds where nothing else was written."""
        if "balanced_accuracy" in self.metrics or not self.folds:
            return self.metrics.get("balanced_accuracy")
        return Estimate(value=sum(fold.balanced_accuracy for fold in self.folds) / len(self.folds))


class Strangers(_Part):
    """What the model makes of pictures that show nothing it knows; shares."""

    images: int
    out_of_distribution: FiniteFloat
    accepted: FiniteFloat
    accepted_as_malignant: FiniteFloat | None = None


class Parity(_Part):
    """How far the file is from the network that it was made from."""

    images: int
    agreement: FiniteFloat
    max_difference: FiniteFloat


@dataclass(frozen=True)
class Evidence:
    """What could be read of an evaluation.

    Attributes
    ----------
    shortcuts
        By shortcut and protocol, balanced accuracy.
    unread
        Names of what is there and could not be read.
    others
        Figures that this page has no picture for.
    """

    manifest_digest: str = ""
    protocols: dict[str, Protocol] = field(default_factory=dict)
    shortcuts: dict[str, dict[str, float]] = field(default_factory=dict)
    robustness: dict[str, Estimate] = field(default_factory=dict)
    strangers: dict[str, Strangers] = field(default_factory=dict)
    parity: Parity | None = None
    unread: tuple[str, ...] = ()
    others: dict[str, Any] = field(default_factory=dict)


def read(evaluation: Mapping[str, Any]) -> Evidence:
    """Read a card's ``evaluation``.

    Parameters
    ----------
    evaluation : Mapping[str, Any]
        As the API sends it: of this version, of an older one, or empty.

    Returns
    -------
    Evidence
        Never fails: a part that is not as expected is named in ``unread``.
    """
    unread: list[str] = []
    parity = dict(_readable(Parity, {"parity": evaluation["parity"]} if evaluation.get("parity") else {}, "", unread))
    return Evidence(
        manifest_digest=str(evaluation.get("manifest_digest") or ""),
        protocols=dict(_readable(Protocol, evaluation.get("protocols"), "protocols", unread)),
        shortcuts=dict(_readable(dict[str, FiniteFloat], evaluation.get("shortcuts"), "shortcuts", unread)),
        robustness=dict(_readable(Estimate, evaluation.get("robustness"), "robustness", unread)),
        strangers=dict(_readable(Strangers, evaluation.get("strangers"), "strangers", unread)),
        parity=parity.get("parity"),
        unread=tuple(unread),
        # What was not measured is empty, and nothing to show.
        others={name: value for name, value in evaluation.items() if name not in PARTS and value not in ({}, None)},
    )


def _readable(kind: Any, parts: Any, group: str, unread: list[str]) -> Iterator[tuple[str, Any]]:
    """Give each part that is as expected; note the names of the others."""
    if parts is not None and not isinstance(parts, Mapping):
        unread.append(group)
        return
    adapter = TypeAdapter[Any](kind)
    for name, part in (parts or {}).items():
        try:
            yield str(name), adapter.validate_python(part)
        except ValidationError:
            unread.append(f"{group}.{name}" if group else str(name))
