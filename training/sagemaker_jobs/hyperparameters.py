"""The hyperparameters that a job takes: the settings of ``training.models.recipes``, and the backbone."""

from collections.abc import Mapping

from training.models.recipes import (
    DEFAULT_BACKBONE,
    Recipe,
    RecipeError,
    read_recipe,
)
from training.models.space import SpaceError, value_of
from training.sagemaker_jobs.errors import LaunchError

COMMAND = "command"
"""Which command a job runs: ``train``, unless it says ``adapt``."""
ADAPT_HYPERPARAMETERS = ("add-to-base", "group-pattern")
"""Of a job of ``adapt``."""
_SWITCHES = {"true": True, "false": False}


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
    try:
        settings = {name: value_of(name, text) for name, text in hyperparameters.items() if name != "frozen"}
    except SpaceError as error:
        raise LaunchError(str(error)) from None
    backbone = settings.pop("backbone", DEFAULT_BACKBONE)
    frozen = switch_of("frozen", hyperparameters)
    try:
        return backbone, read_recipe(backbone, frozen=frozen, given=settings)
    except RecipeError as error:
        raise LaunchError(str(error)) from None


def switch_of(name: str, hyperparameters: Mapping[str, str]) -> bool:
    """Read a hyperparameter that is on or off, and off where it is not given.

    Raises
    ------
    LaunchError
        It is neither.
    """
    value = _SWITCHES.get(hyperparameters.get(name, "false").lower())
    if value is None:
        raise LaunchError(f"--{name} {hyperparameters[name]}: allowed: true or false")
    return value
