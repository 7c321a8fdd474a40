"""The hyperparameters that a job takes: the settings of ``training.models.recipes``, and the backbone."""

from collections.abc import Mapping

from training.models.recipes import (
    DEFAULT_BACKBONE,
    HIDDEN_LAYERS,
    SETTINGS,
    Recipe,
    RecipeError,
    Setting,
    read_recipe,
)
from training.models.space import SpaceError, value_of
from training.sagemaker_jobs.errors import LaunchError

HYPERPARAMETERS = {"backbone": Setting("network", ", ".join(HIDDEN_LAYERS), None), **SETTINGS}
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
        given = {name: value_of(name, text) for name, text in hyperparameters.items() if name != "frozen"}
    except SpaceError as error:
        raise LaunchError(str(error)) from None
    backbone = given.pop("backbone", DEFAULT_BACKBONE)
    frozen = _SWITCHES.get(hyperparameters.get("frozen", "false").lower())
    if frozen is None:
        raise LaunchError(f"--frozen {hyperparameters['frozen']}: allowed: true or false")
    try:
        return backbone, read_recipe(backbone, frozen=frozen, given=given)
    except RecipeError as error:
        raise LaunchError(str(error)) from None
