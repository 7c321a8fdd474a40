"""What a search may try: a file of values and ranges, for Optuna on this machine and for SageMaker's tuner alike.

::

    optimizer = ["adam", "sgd"]                          # one of these
    batch-size = {low = 8, high = 128, log = true}       # whole numbers, as the setting has them
    learning-rate = {low = 1e-5, high = 1e-2, log = true}
    seed = 1                                             # always this

Keys are the names of options. No TensorFlow here.
"""

import argparse
import difflib
import itertools
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from training.models.recipes import (
    DEFAULT_BACKBONE,
    HEAD_LEARNING_RATES,
    HIDDEN_LAYERS,
    METHODS,
    SETTINGS,
    SWEEP_BACKBONE,
    SWEEP_BATCH_SIZES,
    FineTuning,
    LinearProbe,
    MlpHead,
    Recipe,
    RecipeError,
    Setting,
    method_of,
    read_recipe,
    read_value,
    settings_of,
)

BACKBONE = "backbone"
TRIED = {BACKBONE: Setting("network", ", ".join(HIDDEN_LAYERS), None), **SETTINGS}
"""What a trial or a job may be told, by option: the backbone, and the settings of all methods."""


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
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise SpaceError(f"--space {path}: it cannot be read ({getattr(error, 'strerror', None) or error})") from None
    except tomllib.TOMLDecodeError as error:
        raise SpaceError(f"--space {path}: no TOML file: {error}") from None
    if not table:
        raise SpaceError(f"--space {path}: it holds nothing to try")
    return {name: _read(path, name, values) for name, values in table.items()}


def _read(path: Path, name: str, entry: Any) -> tuple[str, ...] | Span:
    if name not in TRIED:
        near = difflib.get_close_matches(name.replace("_", "-"), TRIED, n=1, cutoff=0.5)
        raise SpaceError(
            f"--space {path}: {name} is no setting; {f'did you mean {near[0]}?' if near else ', '.join(TRIED)}"
        )
    if not isinstance(entry, dict):
        values = tuple(str(value) for value in (entry if isinstance(entry, list) else [entry]))
        for value in values:
            _demand(path, name, value)
        if not values:
            raise SpaceError(f"--space {path}: {name} has no value")
        return values
    return _read_span(path, name, entry, TRIED[name].kind)


def _read_span(path: Path, name: str, entry: dict[str, Any], kind: str | None) -> Span:
    if kind is None:
        raise SpaceError(f"--space {path}: {name} has no range; write values, {name} = [...]")
    if not {"low", "high"} <= set(entry) <= {"low", "high", "log"}:
        raise SpaceError(f"--space {path}: {name}: write a range as {{low = 8, high = 64}}, and log = true if need be")
    if not all(isinstance(entry[end], int | float) for end in ("low", "high")):
        raise SpaceError(f"--space {path}: {name}: both ends of a range are numbers")
    whole = kind == "integer"
    low, high = (int(entry[end]) if whole else float(entry[end]) for end in ("low", "high"))
    for end in (low, high):
        _demand(path, name, str(end))
    if not low < high:
        raise SpaceError(f"--space {path}: {name}: the lower end first, and another than the upper")
    if entry.get("log") and low <= 0:
        raise SpaceError(f"--space {path}: {name}: log = true takes a range above 0")
    return Span(low, high, bool(entry.get("log", False)), whole)


def _demand(path: Path, name: str, value: str) -> None:
    """Refuse a value that no method takes."""
    try:
        value_of(name, value)
    except SpaceError as error:
        raise SpaceError(f"--space {path}: {str(error).removeprefix('--')}") from None


GRID: Space = {"optimizer": tuple(HEAD_LEARNING_RATES), "batch-size": tuple(map(str, SWEEP_BATCH_SIZES))}
"""What a grid tries of these where nobody says what: the nine heads of the project that this one grew from."""
SEARCHED: dict[str, Space] = {
    MlpHead.method: {
        "optimizer": tuple(HEAD_LEARNING_RATES),
        "batch-size": Span(8, 128, log=True, whole=True),
        "epochs": Span(5, 40, log=False, whole=True),
    },
    LinearProbe.method: {"c": Span(0.01, 10.0, log=True, whole=False)},
    FineTuning.method: {
        "learning-rate": Span(1e-5, 1e-2, log=True, whole=False),
        "batch-size": Span(8, 64, log=True, whole=True),
    },
}
"""What a search varies of each method where nobody says what."""


def add_tried(parser: argparse._ActionsContainer, *, several: bool = True) -> None:
    """Add backbone and settings to the options of a sweep, here and on SageMaker; or one value of each, of a job's."""
    for name, setting in TRIED.items():
        more = f"{', or LOW:HIGH' if setting.kind else ''}; give it again for another value" if several else ""
        parser.add_argument(
            f"--{name}",
            action="append",
            default=[],
            metavar="VALUE",
            help=f"{setting.description}: {setting.allowed}{more}",
        )


def typed_space(options: argparse.Namespace) -> Space:
    """Read what is typed of the options of ``add_tried``.

    Raises
    ------
    SpaceError
        A value or range that is not allowed; names the option.
    """
    typed = {name: getattr(options, name.replace("-", "_")) for name in TRIED}
    return {name: _typed(name, texts) for name, texts in typed.items() if texts}


def _typed(name: str, texts: Sequence[str]) -> tuple[str, ...] | Span:
    if not any(":" in text for text in texts):
        return tuple(dict.fromkeys(value_of(name, text) for text in texts))
    if len(texts) > 1:
        raise SpaceError(f"--{name} {' '.join(texts)}: give one range, or values, not both")
    return span_of(name, texts[0])


def value_of(name: str, text: str) -> str:
    """Check one value; gives it as every trial and job writes it.

    Raises
    ------
    SpaceError
        No method takes it; says what is allowed.
    """
    if name == BACKBONE:
        if text in HIDDEN_LAYERS:
            return text
        raise SpaceError(f"--backbone {text}: not allowed; allowed: {TRIED[name].allowed}")
    # The first method takes the most values; whether the trial's own does is asked when all are known.
    method = next(method for method in METHODS if name in settings_of(method))
    try:
        value = read_value(method, name, text)
    except RecipeError as error:
        raise SpaceError(str(error)) from None
    return f"{value:g}" if isinstance(value, float) else str(value)


def span_of(name: str, text: str) -> Span:
    """Read ``LOW:HIGH``.

    Raises
    ------
    SpaceError
        The setting has no range, an end is not allowed, or the ends are the wrong way round.
    """
    kind, allowed = TRIED[name].kind, TRIED[name].allowed
    if kind is None:
        raise SpaceError(f"--{name} {text}: it has no range; give values: {allowed}")
    low, _, high = text.partition(":")
    if not (low and high):
        raise SpaceError(f"--{name} {text}: write a range as LOW:HIGH, both of {allowed}")
    ends = [float(value_of(name, end)) for end in (low, high)]
    if ends[0] >= ends[1]:
        raise SpaceError(f"--{name} {text}: write a range as LOW:HIGH, the lower end first")
    return Span(ends[0], ends[1], log=name == "learning-rate", whole=kind == "integer")


def space_of(given: Space, *, frozen: bool, grid: bool) -> Space:
    """Give all that a sweep tries, here and on SageMaker alike.

    Of a grid, every optimizer with every batch size where nothing is said of one of them, unless it varies something
    else; of a search of which nothing is said, what ``SEARCHED`` has.

    Parameters
    ----------
    given
        What is typed, and what a file says.
    frozen
        Whether backbones stay as ImageNet made them.
    grid
        Whether all combinations are tried.

    Raises
    ------
    SpaceError, RecipeError
        A grid with a range, or a setting that the method of a backbone has not.
    """
    named = {name: choices for name, choices in given.items() if name != BACKBONE}
    backbones = _values(given.get(BACKBONE, (_fitting_backbone(named, frozen=frozen),)))
    methods = {method_of(backbone, frozen=frozen) for backbone in backbones}
    varied = [name for name, choices in named.items() if isinstance(choices, Span) or len(choices) > 1]
    added: Space = {}
    if grid:
        if ranged := [name for name, choices in named.items() if isinstance(choices, Span)]:
            raise SpaceError(
                f"--{ranged[0]}: a grid takes values, not a range; give values, or --search tpe (--strategy bayesian)"
            )
        if not set(varied) - set(GRID):
            added = {
                name: values for name, values in GRID.items() if all(name in settings_of(method) for method in methods)
            }
    elif not varied and len(backbones) == 1:
        added = SEARCHED[next(iter(methods)).method]
    space = {BACKBONE: backbones, **added, **named}
    for chosen in combinations(space):
        recipe_in(chosen, frozen=frozen)
    return space


def recipe_in(chosen: Mapping[str, Any], *, frozen: bool) -> tuple[str, Recipe]:
    """Give the backbone and the recipe of one combination.

    Raises
    ------
    RecipeError
        A setting that the backbone's method has not, or a value that it does not take.
    """
    settings = {name: value for name, value in chosen.items() if name != BACKBONE}
    return str(chosen[BACKBONE]), read_recipe(chosen[BACKBONE], frozen=frozen, given=settings)


def combinations(space: Space) -> Iterator[dict[str, str]]:
    """Give every combination of values, of a range its lower end."""
    values = [_values(choices) for choices in space.values()]
    for chosen in itertools.product(*values):
        yield dict(zip(space, chosen, strict=True))


def _values(choices: tuple[str, ...] | Span) -> tuple[str, ...]:
    if not isinstance(choices, Span):
        return choices
    return (str(int(choices.low) if choices.whole else choices.low),)


def _fitting_backbone(named: Space, *, frozen: bool) -> str:
    """Choose a backbone where nobody does: of frozen ones, the first whose method has all that is named."""
    if not frozen:
        return DEFAULT_BACKBONE
    fitting = (
        backbone
        for backbone in (SWEEP_BACKBONE, DEFAULT_BACKBONE)
        if not set(named) - set(settings_of(method_of(backbone, frozen=True)))
    )
    return next(fitting, DEFAULT_BACKBONE)
