"""The hyperparameters that a job takes, their values, and the ranges that a search may draw from."""

from collections.abc import Callable
from dataclasses import dataclass

from training.sagemaker_jobs.errors import LaunchError
from training.sagemaker_jobs.plan import Range

# As training.models.backbones and training.models.fine_tuning know them; they are not imported, since that loads
# TensorFlow for ten seconds.
BACKBONES = ("efficientnet-lite0", "efficientnet-lite2", "vgg16")
OPTIMIZERS = ("adam", "adamw", "rmsprop", "sgd")


def _one_of(allowed: tuple[str, ...]) -> Callable[[str], str]:
    def check(value: str) -> str:
        if value not in allowed:
            raise ValueError
        return value

    return check


def _integer(low: int, high: int) -> Callable[[str], str]:
    def check(value: str) -> str:
        if not low <= int(value) <= high:
            raise ValueError
        return str(int(value))

    return check


def _rate(value: str) -> str:
    if not 0 < float(value) <= 1:
        raise ValueError
    return f"{float(value):g}"


@dataclass(frozen=True)
class Hyperparameter:
    """One of a job's options.

    Attributes
    ----------
    allowed
        Told to whoever gives something else.
    check
        Gives a value as the job gets it; raises ValueError for any other.
    kind
        What a range of it is; None where there is no range.
    """

    allowed: str
    check: Callable[[str], str]
    kind: str | None = None


HYPERPARAMETERS = {
    "backbone": Hyperparameter(", ".join(BACKBONES), _one_of(BACKBONES)),
    "optimizer": Hyperparameter(", ".join(OPTIMIZERS), _one_of(OPTIMIZERS)),
    "batch-size": Hyperparameter("1 to 1024 fields", _integer(1, 1024), "integer"),
    "epochs": Hyperparameter("1 to 1000", _integer(1, 1000), "integer"),
    "learning-rate": Hyperparameter("a number above 0, at most 1", _rate, "continuous"),
    "seed": Hyperparameter("0 to 4294967295", _integer(0, 2**32 - 1), "integer"),
}


def value_of(name: str, text: str) -> str:
    """Check one value.

    Raises
    ------
    LaunchError
        It is not allowed; says what is.
    """
    known = HYPERPARAMETERS[name]
    try:
        return known.check(text)
    except ValueError:
        raise LaunchError(f"--{name} {text}: not allowed; allowed: {known.allowed}") from None


def range_of(name: str, text: str) -> Range:
    """Read ``LOW:HIGH``.

    Raises
    ------
    LaunchError
        The hyperparameter has no range, an end is not allowed, or the ends are the wrong way round.
    """
    known = HYPERPARAMETERS[name]
    if known.kind is None:
        raise LaunchError(f"--{name} {text}: it has no range; give values: {known.allowed}")
    low, _, high = text.partition(":")
    if not (low and high):
        raise LaunchError(f"--{name} {text}: write a range as LOW:HIGH, both of {known.allowed}")
    ends = [float(value_of(name, end)) for end in (low, high)]
    if ends[0] >= ends[1]:
        raise LaunchError(f"--{name} {text}: write a range as LOW:HIGH, the lower end first")
    return Range.model_validate({"low": ends[0], "high": ends[1], "kind": known.kind})
