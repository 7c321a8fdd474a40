"""How each method is trained: its own settings, what they may be, and what they are unless somebody says otherwise.

Command line, launcher, job, run record and card all read this file, which loads no TensorFlow. A setting that a method
does not use does not exist there, so that it is refused by its name and never recorded.
"""

import argparse
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

HIDDEN_LAYERS: dict[str, tuple[int, ...]] = {
    "efficientnet-lite0": (),
    "efficientnet-lite2": (),
    "vgg16": (256, 128, 64, 16, 8),
}
"""Every backbone, with the widths of the ReLU layers between its embedding and the logits; none for a linear head."""
DEFAULT_BACKBONE = "efficientnet-lite0"
CACHE = Path("runs/features")
"""Where the features of a frozen backbone are kept (``training.models.feature_cache``)."""
HEAD_LEARNING_RATES = {"adam": 1e-3, "sgd": 1e-2, "rmsprop": 1e-3}
"""Keras's own for each optimizer, as the project that this one grew from used them."""

SWEEP_BACKBONE, SWEEP_BATCH_SIZES = "vgg16", (16, 32, 64)
"""What a sweep tries, with every optimizer, where nobody says what: the grid of that project. Here and on SageMaker."""

BatchSize = Annotated[int, Field(ge=1, le=1024, description="fields a step")]
Epochs = Annotated[int, Field(ge=1, le=1000, description="passes over the training fields")]


class RecipeError(ValueError):
    """A setting that the method does not have, or a value that it does not take; names it and what is allowed."""


class Recipe(BaseModel):
    """The settings of one method.

    Attributes
    ----------
    method
        Its name in records and cards.
    title
        What a person calls it.
    frozen
        Whether the backbone stays as ImageNet made it.
    seed
        Of everything random: augmented copies, first weights, the order of the fields.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    method: ClassVar[str]
    title: ClassVar[str]
    frozen: ClassVar[bool]

    seed: Annotated[int, Field(ge=0, le=2**32 - 1, description="of everything random")] = 1

    def record(self) -> dict[str, Any]:
        """Give what was used, for run records and cards: the method's name and every setting of it."""
        return {"method": self.method, **self.model_dump()}


class LinearProbe(Recipe):
    """Logistic regression on a frozen backbone's features: convex, without epochs; the shipped way.

    Attributes
    ----------
    c
        Inverse strength of the penalty: 0.03 to 0.3 are within 0.004 of each other on contiguous folds.
    copies
        Augmented copies of each field that are learnt from beside it (``training.data.corruptions``).
    copy_weight
        Enough for the head to hold where a field is blurred or compressed, little enough to cost some 0.003 on fields
        as they are (docs/attempts.json).
    ood_copy_weight
        Compressed fields stay within the distribution, and other things stay outside of it.
    """

    method = "linear_probe"
    title = "a linear head on a frozen backbone"
    frozen = True

    c: Annotated[float, Field(gt=0, le=1000, description="inverse strength of the penalty")] = 0.1
    copies: Annotated[int, Field(ge=1, le=16, description="augmented copies of each field")] = 2
    copy_weight: Annotated[float, Field(gt=0, le=1, description="of a copy in the fit; a field weighs 1")] = 0.03
    ood_copy_weight: Annotated[
        float, Field(gt=0, le=1, description="of a copy in the out-of-distribution distance; a field weighs 1")
    ] = 0.1


class MlpHead(Recipe):
    """A head of several layers, trained on a frozen backbone's features.

    Attributes
    ----------
    optimizer
        Its learning rate is Keras's own, and stays the same throughout.
    batch_size
        Of each step.
    epochs
        There is no early stop: no held-out field has a say in when training ends.
    """

    method = "mlp_head"
    title = "an MLP head on a frozen backbone"
    frozen = True

    optimizer: Annotated[Literal["adam", "sgd", "rmsprop"], Field(description="how weights are changed")] = "adam"
    batch_size: BatchSize = 32
    epochs: Epochs = 20

    @property
    def learning_rate(self) -> float:
        """The optimizer's."""
        return HEAD_LEARNING_RATES[self.optimizer]

    def record(self) -> dict[str, Any]:
        """Give the settings, and the learning rate that comes with the optimizer."""
        return super().record() | {"learning_rate": self.learning_rate}


class FineTuning(Recipe):
    """The whole network, from ImageNet's weights; under a linear head, from the head of ``LinearProbe()``.

    Attributes
    ----------
    optimizer, batch_size
        Of each step.
    epochs
        6 reach the plateau of the held-out run on the public set.
    learning_rate
        A tenth of the steps warm up to it, a cosine leads down to zero. Higher than usual for fine-tuning, since few
        epochs must suffice.
    weight_decay
        AdamW's; no other optimizer has one.
    label_smoothing
        Keeps logits of fitted fields from growing without end.
    precision
        Keras's dtype policy: weights stay float32, and so do the pool and the logits. GPUs have units for halves.
    xla
        Whether a step is compiled by XLA; auto is Keras's choice, which is one GPU.
    """

    method = "fine_tuning"
    title = "fine-tuning"
    frozen = False

    optimizer: Annotated[Literal["adam", "adamw", "rmsprop", "sgd"], Field(description="how weights are changed")] = (
        "adamw"
    )
    batch_size: BatchSize = 32
    epochs: Epochs = 6
    learning_rate: Annotated[float, Field(gt=0, le=1, description="peak of its schedule")] = 7e-4
    weight_decay: Annotated[float, Field(ge=0, le=1, description="of adamw")] = 1e-2
    label_smoothing: Annotated[float, Field(ge=0, le=0.5, description="share spread over all labels")] = 0.02
    precision: Annotated[
        Literal["float32", "mixed_bfloat16", "mixed_float16"], Field(description="what layers compute in")
    ] = "float32"
    xla: Annotated[Literal["auto", "on", "off"], Field(description="whether XLA compiles a step")] = "auto"

    @model_validator(mode="after")
    def _decay_is_adamws(self) -> "FineTuning":
        if self.optimizer != "adamw" and "weight_decay" in self.model_fields_set:
            raise ValueError(f"--weight-decay: --optimizer {self.optimizer} has none; leave it out, or take adamw")
        return self

    def record(self) -> dict[str, Any]:
        """Give the settings that the optimizer has used."""
        unused = {"weight_decay"} if self.optimizer != "adamw" else set[str]()
        return {name: value for name, value in super().record().items() if name not in unused}


METHODS: tuple[type[Recipe], ...] = (FineTuning, MlpHead, LinearProbe)


@dataclass(frozen=True)
class Setting:
    """One setting of a method, as options are made of it.

    Attributes
    ----------
    description
        What it is.
    allowed
        Its values, in words.
    kind
        What a range of it is; None where there is no range.
    """

    description: str
    allowed: str
    kind: Literal["integer", "continuous"] | None


def method_of(backbone: str, *, frozen: bool) -> type[Recipe]:
    """Tell how a backbone is trained: whole, or frozen under the head that goes with it."""
    if not frozen:
        return FineTuning
    return MlpHead if HIDDEN_LAYERS[backbone] else LinearProbe


@cache
def settings_of(method: type[Recipe]) -> Mapping[str, Setting]:
    """List a method's settings by the names of their options."""
    return {
        name.replace("_", "-"): Setting(schema["description"], *_values(schema))
        for name, schema in method.model_json_schema()["properties"].items()
    }


def _values(schema: Mapping[str, Any]) -> tuple[str, Literal["integer", "continuous"] | None]:
    """Say which values a property of a JSON schema allows, and of what kind a range of them is."""
    if "enum" in schema:
        return ", ".join(schema["enum"]), None
    if schema["type"] == "integer":
        return f"{schema['minimum']} to {schema['maximum']}", "integer"
    low = f"above {schema['exclusiveMinimum']:g}" if "exclusiveMinimum" in schema else f"{schema['minimum']:g} or more"
    return f"a number {low}, at most {schema['maximum']:g}", "continuous"


SETTINGS: dict[str, Setting] = {
    name: setting for method in reversed(METHODS) for name, setting in settings_of(method).items()
}
"""Of all methods; where two have one of the same name, with the values of the one that takes more."""


def read_recipe(backbone: str, *, frozen: bool, given: Mapping[str, str]) -> Recipe:
    """Make a recipe of options.

    Parameters
    ----------
    backbone
        A key of ``HIDDEN_LAYERS``.
    frozen
        Whether it stays as ImageNet made it.
    given
        Option names, as in ``SETTINGS``, with what was typed.

    Raises
    ------
    RecipeError
        The method has no such setting, or does not take this value.
    """
    method = method_of(backbone, frozen=frozen)
    settings = settings_of(method)
    chosen = f"{backbone}{' --frozen' if frozen else ''}"
    for name in given:
        if name not in settings:
            allowed_names = ", ".join(f"--{setting}" for setting in settings)
            raise RecipeError(
                f"--{name}: {chosen} is {method.title}, which has no such setting; it takes {allowed_names}"
            )
    try:
        return method.model_validate({name.replace("-", "_"): value for name, value in given.items()})
    except ValidationError as error:
        wrong = error.errors()[0]
        if not wrong["loc"]:  # of several settings together
            raise RecipeError(str(wrong["ctx"]["error"])) from None
        name = str(wrong["loc"][0]).replace("_", "-")
        allowed = settings[name].allowed
        raise RecipeError(f"--{name} {given[name]}: not allowed; allowed: {allowed} ({chosen})") from None


def read_value(method: type[Recipe], name: str, text: str) -> Any:
    """Read one setting of a method.

    Raises
    ------
    RecipeError
        It is not allowed; says what is.
    """
    field = name.replace("-", "_")
    try:
        return getattr(method.model_validate({field: text}), field)
    except ValidationError:
        raise RecipeError(f"--{name} {text}: not allowed; allowed: {settings_of(method)[name].allowed}") from None


def reader(method: type[Recipe], name: str) -> Callable[[str], Any]:
    """Make the ``type`` of a command line's option that stands for one setting of a method."""

    def read(text: str) -> Any:
        try:
            return read_value(method, name, text)
        except RecipeError as error:
            # argparse itself names the option.
            raise argparse.ArgumentTypeError(str(error).removeprefix(f"--{name} ")) from None

    return read


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add backbone, method and every setting to a command that trains one recipe."""
    parser.add_argument(
        "--backbone", choices=sorted(HIDDEN_LAYERS), default=DEFAULT_BACKBONE, help="network (%(default)s)"
    )
    parser.add_argument(
        "--frozen", action="store_true", help="fit the head alone, on the network as ImageNet made it: the shipped way"
    )
    for name, setting in SETTINGS.items():
        defaults = "; ".join(
            f"{method.title}: {method.model_fields[name.replace('-', '_')].default}"
            for method in METHODS
            if name in settings_of(method)
        )
        parser.add_argument(f"--{name}", metavar="VALUE", help=f"{setting.description} ({defaults})")


def add_outliers(parser: argparse.ArgumentParser) -> None:
    """Add the folders that the out-of-distribution gate learns from."""
    parser.add_argument(
        "--outliers",
        type=Path,
        action="append",
        default=[],
        help="with --frozen: folder of smears of no class here, of a licence that lets a model learn from them",
    )


def recipe_of(options: argparse.Namespace) -> Recipe:
    """Read the recipe from the options of ``add_options``.

    Raises
    ------
    RecipeError
        As ``read_recipe``.
    """
    typed = {name: getattr(options, name.replace("-", "_")) for name in SETTINGS}
    given = {name: value for name, value in typed.items() if value is not None}
    return read_recipe(options.backbone, frozen=options.frozen, given=given)
