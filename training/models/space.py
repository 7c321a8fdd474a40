"""What a search may try: a file of values and ranges, for Optuna on this machine and for SageMaker's tuner alike.

::

    optimizer = ["adam", "sgd"]                          # one of these
    batch-size = {low = 8, high = 128, log = true}       # whole numbers, as the setting has them
    learning-rate = {low = 1e-5, high = 1e-2, log = true}
    seed = 1                                             # always this

Keys are the names of options. No TensorFlow here.
"""

import difflib
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from training.models.recipes import (
    HIDDEN_LAYERS,
    METHODS,
    SETTINGS,
    MlpHead,
    RecipeError,
    read_value,
    settings_of,
)

BACKBONE = "backbone"


class SpaceError(ValueError):
    """A file that no search can follow; names the key and what to write."""


@dataclass(frozen=True)
class Span:
    """All numbers between two, ends included.

    Attributes
    ----------
    low, high
        Ends.
    log
        Whether each factor is as likely as another of its size, and not each difference.
    whole
        Whether only whole numbers count.
    """

    low: float
    high: float
    log: bool
    whole: bool


Space = dict[str, tuple[str, ...] | Span]
"""By option: the values to choose from, as they are typed, or a range."""


def read_space(path: Path) -> Space:
    """Read a space.

    Raises
    ------
    SpaceError
        It cannot be read, or holds what no setting is or takes.
    """
    try:
        read = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise SpaceError(f"--space {path}: it cannot be read ({getattr(error, 'strerror', None) or error})") from None
    except tomllib.TOMLDecodeError as error:
        raise SpaceError(f"--space {path}: no TOML file: {error}") from None
    if not read:
        raise SpaceError(f"--space {path}: it holds nothing to try")
    return {name: _read(path, name, told) for name, told in read.items()}


def _read(path: Path, name: str, told: Any) -> tuple[str, ...] | Span:
    known = {BACKBONE: None, **{one: setting.kind for one, setting in SETTINGS.items()}}
    if name not in known:
        near = difflib.get_close_matches(name.replace("_", "-"), known, n=1, cutoff=0.5)
        raise SpaceError(
            f"--space {path}: {name} is no setting; {f'did you mean {near[0]}?' if near else ', '.join(known)}"
        )
    if not isinstance(told, dict):
        values = tuple(str(one) for one in (told if isinstance(told, list) else [told]))
        for value in values:
            _demand(path, name, value)
        if not values:
            raise SpaceError(f"--space {path}: {name} has no value")
        return values
    return _read_span(path, name, told, known[name])


def _read_span(path: Path, name: str, told: dict[str, Any], kind: str | None) -> Span:
    if kind is None:
        raise SpaceError(f"--space {path}: {name} has no range; write values, {name} = [...]")
    if not {"low", "high"} <= set(told) <= {"low", "high", "log"}:
        raise SpaceError(f"--space {path}: {name}: write a range as {{low = 8, high = 64}}, and log = true if need be")
    if not all(isinstance(told[end], int | float) for end in ("low", "high")):
        raise SpaceError(f"--space {path}: {name}: both ends of a range are numbers")
    whole = kind == "integer"
    low, high = (int(told[end]) if whole else float(told[end]) for end in ("low", "high"))
    for end in (low, high):
        _demand(path, name, str(end))
    if not low < high:
        raise SpaceError(f"--space {path}: {name}: the lower end first, and another than the upper")
    if told.get("log") and low <= 0:
        raise SpaceError(f"--space {path}: {name}: log = true takes a range above 0")
    return Span(low, high, bool(told.get("log", False)), whole)


def _demand(path: Path, name: str, value: str) -> None:
    """Refuse a value that no method takes."""
    if name == BACKBONE:
        if value not in HIDDEN_LAYERS:
            raise SpaceError(f"--space {path}: backbone {value}: allowed: {', '.join(HIDDEN_LAYERS)}")
        return
    # The first method takes the most values; whether the trial's own does is asked when it is made.
    method = next(method for method in METHODS if name in settings_of(method))
    try:
        read_value(method, name, value)
    except RecipeError as error:
        raise SpaceError(f"--space {path}: {str(error).removeprefix('--')}") from None


def chosen(space: Space, typed: Mapping[str, tuple[str, ...]]) -> Space:
    """Give a space with what is typed on the command line in the place of what the file says."""
    return {**space, **{name: values for name, values in typed.items() if values}}


def demand_searchable(space: Space) -> None:
    """Refuse a space of which a head on a frozen backbone has no such setting.

    Raises
    ------
    SpaceError
        Names the setting, and those that there are.
    """
    known = settings_of(MlpHead)
    for name, told in space.items():
        if name == BACKBONE:
            continue
        if name not in known:
            raise SpaceError(
                f"--space: {name}: a head on a frozen backbone has no such setting; it has backbone, "
                f"{', '.join(known)}. The whole network is searched with --executor sagemaker"
            )
        for value in (str(told.low), str(told.high)) if isinstance(told, Span) else told:
            read_value(MlpHead, name, value)
