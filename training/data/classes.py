"""Which classes a folder of labelled fields holds: by its ``classes.toml``, or by its folders' names."""

import json
import re
import tomllib
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from inference import ClassSpec
from inference.classes import CLASS_ID, MAX_CLASSES, check_classes

CLASSES_NAME: Final = "classes.toml"
"""Beside the class folders; lists them as ``public_classes.toml`` does."""
PUBLIC: Final = Path(__file__).resolve().with_name("public_classes.toml")
"""Of the public set."""


class ClassesError(ValueError):
    """The file lists no classes that a model can be made of; names it and the field."""


class _File(BaseModel):
    model_config = ConfigDict(extra="forbid")

    classes: tuple[ClassSpec, ...] = Field(min_length=1, max_length=MAX_CLASSES)


def read_classes(path: Path = PUBLIC) -> tuple[ClassSpec, ...]:
    """Read a list of classes, in the order of the model's probabilities.

    Raises
    ------
    ClassesError
        The file cannot be read, or is not as it must be.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise ClassesError(f"{path}: {error}") from error
    return parse_classes(content, path)


def parse_classes(content: bytes, path: Path) -> tuple[ClassSpec, ...]:
    """Read the bytes of such a file; ``path`` is named where it is not as it must be.

    Raises
    ------
    ClassesError
        Names the field.
    """
    try:
        classes = _File.model_validate(tomllib.loads(content.decode("utf-8"))).classes
        check_classes(classes)
    except ValidationError as error:
        first = error.errors()[0]
        raise ClassesError(f"{path}: {'.'.join(map(str, first['loc']))}: {first['msg']}") from error
    except ValueError as error:
        raise ClassesError(f"{path}: {error}") from error
    return classes


def write_classes(classes: Sequence[ClassSpec]) -> bytes:
    """Write classes as ``read_classes`` reads them; JSON's texts and lists are TOML's, too."""
    lines = []
    for spec in classes:
        fields = spec.model_dump(mode="json", exclude_defaults=True)
        lines += [
            "[[classes]]",
            *(f"{name} = {json.dumps(value, ensure_ascii=False)}" for name, value in fields.items()),
        ]
        lines.append("")
    return "\n".join(lines).encode()


def labels_of(classes: Sequence[ClassSpec]) -> tuple[str, ...]:
    """Give the ids of classes, in their order."""
    return tuple(spec.id for spec in classes)


def class_of_folder(name: str) -> ClassSpec:
    """Make a class of a folder's name, which it is shown by; blanks and brackets become dashes in the label.

    Raises
    ------
    ClassesError
        The name cannot be a label: too long, or in letters that file names, metrics and columns do not share.
    """
    label = re.sub(r"[^A-Za-z0-9_-]+", "-", name).strip("-_")
    if not name.isascii() or not name.isprintable() or not re.fullmatch(CLASS_ID, label):
        raise ClassesError(
            f"the folder {name[:40]!a} cannot be a label (letters a to z, digits, - and _, at most 64): rename it, or "
            f"list it in {CLASSES_NAME} with an id, and with this name among its aliases"
        )
    return ClassSpec(id=label, name=name.strip())


def public_classes_among(names: Iterable[str]) -> tuple[ClassSpec, ...] | None:
    """Tell which of the public set's classes these folder names stand for; None where the folder is no copy of it.

    A copy has two of its names, or no other name: ``benign`` alone, beside names of one's own, is not yet one.
    """
    public, folder_names = read_classes(), list(names)
    public_ids = {spec.id for name in folder_names if (spec := class_called(public, name))}
    own_names = [name for name in folder_names if class_called(public, name) is None]
    if len(public_ids) >= 2 or (public_ids and not own_names):
        return tuple(spec for spec in public if spec.id in public_ids)
    return None


def class_called(classes: tuple[ClassSpec, ...], name: str) -> ClassSpec | None:
    """Find the class that a folder's name stands for: by id, name or alias, upper and lower case being one.

    Examples
    --------
    >>> class_called(read_classes(), "[malignant] PRE-B").name
    'pre-B'
    """
    folder_name = name.strip().casefold()
    return next(
        (spec for spec in classes if folder_name in {n.casefold() for n in (spec.id, spec.name, *spec.aliases)}), None
    )
