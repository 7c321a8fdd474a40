"""The manifest that travels with the images: one JSON line an image, sorted by key.

A set of images is whole when its manifest is there, because the manifest is always written last.
"""

import hashlib
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from inference import ClassSpec
from inference.classes import CLASS_ID
from training.data.classes import labels_of
from training.data.labels import DataError

MANIFEST_NAME = "manifest.jsonl"


def _stays_inside(key: str) -> str:
    """Refuse a key that would be written outside the folder: a manifest may come from anybody's bucket."""
    path = PurePosixPath(key)
    if path.is_absolute() or ".." in path.parts or "\\" in key or str(path) != key:
        raise ValueError(f"{key!r} is not a plain relative path")
    return key


class Record(BaseModel):
    """What is known of one image before anybody trains on it.

    Attributes
    ----------
    key
        Path under the set's folder or prefix, ``<Label>/<file name>``.
    sha256
        Of the file's bytes, in hexadecimal.
    size_bytes
        Length of the file.
    width, height
        Pixels, as oriented.
    acquisition
        Order of acquisition within the label, from the file's name; None where the name has no number.
    duplicate_group
        Shared by near-duplicates, which must stay on one side of a split; None for an image without any.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    key: Annotated[str, AfterValidator(_stays_inside)]
    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    size_bytes: Annotated[int, Field(gt=0)]
    label: Annotated[str, Field(pattern=CLASS_ID)]
    width: Annotated[int, Field(gt=0)]
    height: Annotated[int, Field(gt=0)]
    acquisition: int | None = None
    duplicate_group: str | None = None


@dataclass(frozen=True)
class Manifest:
    """The records of a set of images, sorted by key, and what its folder tells of them, where that was looked at.

    Attributes
    ----------
    records : tuple of Record
        By key; all that the file holds.
    classes : tuple of ClassSpec
        Of the labels.
    groups : mapping of str to str, optional
        Of each image, by key, the patient, slide or specimen that somebody named; None where nobody did.
    """

    records: tuple[Record, ...]
    classes: tuple[ClassSpec, ...] = ()
    groups: Mapping[str, str] | None = None

    @classmethod
    def of(cls, records: list[Record]) -> "Manifest":
        """Sort the records by key.

        Raises
        ------
        DataError
            Two records have the same key.
        """
        duplicate_keys = [key for key, count in Counter(record.key for record in records).items() if count > 1]
        if duplicate_keys:
            raise DataError(f"the manifest has two lines for {duplicate_keys[0]}: ingest the set again")
        return cls(tuple(sorted(records, key=lambda record: record.key)))

    @cached_property
    def content(self) -> bytes:
        """The file's bytes: the same for the same images, whatever order they were found in."""
        return "".join(record.model_dump_json() + "\n" for record in self.records).encode()

    @property
    def labels(self) -> tuple[str, ...]:
        """Ids of the classes, in the order of the model's probabilities; of a bare manifest, in their own."""
        return labels_of(self.classes) or tuple(sorted({record.label for record in self.records}))

    @property
    def digest(self) -> str:
        """The sha256 of the content, in hexadecimal: what a training run logs as its data."""
        return hashlib.sha256(self.content).hexdigest()

    @property
    def size_bytes(self) -> int:
        """The length of all the images together."""
        return sum(record.size_bytes for record in self.records)


def parse(content: bytes, name: str) -> Manifest:
    """Read a manifest's bytes.

    Parameters
    ----------
    content
        JSON Lines.
    name
        Where it came from, for the message.

    Raises
    ------
    DataError
        A line is not a record; gives its number and what is wrong with it.
    """
    records = []
    for number, line in enumerate(content.splitlines(), 1):
        try:
            records.append(Record.model_validate_json(line))
        except ValidationError as error:
            first = error.errors()[0]
            place = ".".join(map(str, first["loc"])) or "line"
            raise DataError(f"{name}, line {number}: {place}: {first['msg']}; ingest the set again") from error
    return Manifest.of(records)


def read(path: Path) -> Manifest:
    """Read a manifest file.

    Raises
    ------
    DataError
        It is not there, or a line is not a record.
    """
    if not path.is_file():
        raise DataError(f"there is no {path}: fetch the set with `python -m training pull`")
    return parse(path.read_bytes(), str(path))
