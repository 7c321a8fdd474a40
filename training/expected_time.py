"""What a training is expected to take, for the dry runs of its commands."""

from training.models.recipes import FineTuning, Recipe

SECONDS_OF_A_FIELD = {"efficientnet-lite0": 0.12, "vgg16": 0.1}
"""A frozen backbone's whole pass on two cores: the shipped card's 4.9 minutes for 2,573 fields with all that they are
varied to, and VGG16's 10.1 fields a second (docs/benchmarks.md)."""


def minutes_of(backbone: str, recipe: Recipe, fields: int) -> str:
    """Say how long the passes over the fields take, where that has been measured."""
    seconds_per_field = None if isinstance(recipe, FineTuning) else SECONDS_OF_A_FIELD.get(backbone)
    return (
        "not measured for this network"
        if seconds_per_field is None
        else f"{max(1, round(seconds_per_field * fields / 60))} on two cores"
    )
