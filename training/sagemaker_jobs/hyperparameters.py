"""The hyperparameters that a job takes: the settings of ``training.models.recipes``, and the backbone."""

from collections.abc import Mapping

from training.models.recipes import (
    DEFAULT_BACKBONE,
    HIDDEN_LAYERS,
    METHODS,
    SETTINGS,
    Recipe,
    RecipeError,
    Setting,
    read_recipe,
    read_value,
    settings_of,
)
from training.sagemaker_jobs.errors import LaunchError
from training.sagemaker_jobs.plan import Range

HYPERPARAMETERS = {"backbone": Setting("network", ", ".join(HIDDEN_LAYERS), None), **SETTINGS}
COMMAND = "command"
"""Which command a job runs: ``train``, unless it says ``adapt``."""
ADAPT_HYPERPARAMETERS = ("add-to-base", "group-pattern")
"""Of a job of ``adapt``."""
_SWITCHES = {"true": True, "false": False}


def value_of(name: str, text: str) -> str:
    """Check one value; gives it as every job writes it.

    Raises
    ------
    LaunchError
        No method takes it; says what is allowed.
    """
    if name == "backbone":
        if text in HIDDEN_LAYERS:
            return text
        raise LaunchError(f"--backbone {text}: not allowed; allowed: {HYPERPARAMETERS[name].allowed}")
    # The first method takes the most values; whether the job's own does is known when all options are.
    method = next(method for method in METHODS if name in settings_of(method))
    try:
        value = read_value(method, name, text)
    except RecipeError as error:
        raise LaunchError(str(error)) from None
    return f"{value:g}" if isinstance(value, float) else str(value)


def recipe_of(hyperparameters: Mapping[str, str]) -> tuple[str, Recipe]:
    """Make the recipe of a job: the very function of the launcher, before it asks AWS, and of the job itself.

    Returns
    -------
    (str, Recipe)
        The backbone's name, and how it is trained.

    Raises
    ------
    LaunchError
        A hyperparameter that the job's method does not have, or a value that it does not take.
    """
    given = {name: value_of(name, text) for name, text in hyperparameters.items() if name != "frozen"}
    backbone = given.pop("backbone", DEFAULT_BACKBONE)
    frozen = switch_of("frozen", hyperparameters)
    try:
        return backbone, read_recipe(backbone, frozen=frozen, given=given)
    except RecipeError as error:
        raise LaunchError(str(error)) from None


def switch_of(name: str, hyperparameters: Mapping[str, str]) -> bool:
    """Read a hyperparameter that is on or off, and off where it is not given.

    Raises
    ------
    LaunchError
        It is neither.
    """
    switched = _SWITCHES.get(hyperparameters.get(name, "false").lower())
    if switched is None:
        raise LaunchError(f"--{name} {hyperparameters[name]}: allowed: true or false")
    return switched


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
