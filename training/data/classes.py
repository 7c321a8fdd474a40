"""``classes.toml``: which classes a folder of labelled fields holds, and what each is called."""

import tomllib
from pathlib import Path
from typing import Final

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from inference import ClassSpec
from inference.classes import MAX_CLASSES, check_classes

PUBLIC: Final = Path(__file__).resolve().with_name("public_classes.toml")
"""Of the public set."""


class ClassesError(ValueError):
    """The file lists no classes that a model can be made of; names it and the field."""


class _File(BaseModel):
    model_config = ConfigDict(extra="forbid")

    classes: tuple[ClassSpec, ...] = Field(min_length=2, max_length=MAX_CLASSES)


def read_classes(path: Path = PUBLIC) -> tuple[ClassSpec, ...]:
    """Read a list of classes, in the order of the model's probabilities.

    Raises
    ------
    ClassesError
        The file cannot be read, or is not as it must be.
    """
    try:
        found = _File.model_validate(tomllib.loads(path.read_text(encoding="utf-8"))).classes
        check_classes(found)
    except ValidationError as error:
        first = error.errors()[0]
        raise ClassesError(f"{path}: {'.'.join(map(str, first['loc']))}: {first['msg']}") from error
    except (OSError, ValueError) as error:
        raise ClassesError(f"{path}: {error}") from error
    return found


def class_called(classes: tuple[ClassSpec, ...], name: str) -> ClassSpec | None:
    """Find the class that a folder's name stands for: by id, name or alias, upper and lower case being one.

    Examples
    --------
    >>> class_called(read_classes(), "[malignant] PRE-B").id
    'Pre'
    """
    wanted = name.strip().casefold()
    return next((one for one in classes if wanted in {n.casefold() for n in (one.id, one.name, *one.aliases)}), None)
