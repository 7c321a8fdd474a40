"""The labelled fields as a ZIP archive: a data set as ``python -m training adapt`` reads it.

A folder a class with the image files, ``classes.toml`` with what each class is called, and ``groups.csv`` with the
specimen of each file, so that no model is examined on a specimen that it has learned from.
"""

import csv
import io
import json
import re
import unicodedata
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import PurePath

from api.schemas import OTHER
from frontend.finding import ClassWords
from frontend.workspace import SmearField, Workspace
from intake import FORMATS, SUFFIXES, ImageError, sniff

NAME_CHARS = 120


def fields_of(workspace: Workspace) -> list[SmearField]:
    """List the fields that the archive holds: labelled as a class, of this specimen, and their files still here."""
    return [
        field
        for field in workspace.reported()
        if field.data is not None and field.review is not None and field.review.label != OTHER
    ]


def write(fields: Sequence[SmearField], classes: Sequence[ClassWords], specimen: str) -> Iterator[bytes]:
    """Write the archive, part by part: it is never in memory as a whole.

    Parameters
    ----------
    fields : Sequence[SmearField]
        Labelled fields.
    classes : Sequence[ClassWords]
        Every class that a label may be, in the model's order, then the reader's own; those that were given are written.
    specimen : str
        What ``groups.csv`` calls the group of all fields.

    Yields
    ------
    bytes
        The next part of the ZIP file.
    """
    sink = _Sink()
    rows = []
    with zipfile.ZipFile(sink, "w", zipfile.ZIP_STORED) as archive:  # images are compressed already
        for field in fields:
            data, review = field.data, field.review
            if data is None or review is None:
                continue  # its file was let go since
            path = f"{review.label}/{file_name(field.number, field.name, data)}"
            archive.writestr(path, data)
            rows.append((path, specimen))
            yield sink.taken()
        archive.writestr("groups.csv", _groups(rows))
        # A class without a field would be refused: there is no folder of it to learn from.
        labels = {PurePath(path).parts[0] for path, _ in rows}
        archive.writestr(
            "classes.toml", classes_toml([class_words for class_words in classes if class_words.label in labels])
        )
    yield sink.taken()


def file_name(number: int, name: str, data: bytes) -> str:
    """Name a file so that any system takes it, and its ending says what it is.

    Examples
    --------
    >>> file_name(7, "slide 3/Feld ü:1.JPG", b""), file_name(8, "export", b"BM")
    ('0007-Feld-ü-1.jpg', '0008-export.bmp')
    """
    path = PurePath(name.replace("\\", "/"))
    suffix = path.suffix.lower()
    stem = path.stem if suffix in SUFFIXES else path.name
    if suffix not in SUFFIXES:
        suffix = _suffix(data)
    plain = re.sub(r"[^\w]+", "-", unicodedata.normalize("NFC", stem)).strip("-")[:NAME_CHARS]
    return f"{number:04}-{plain or 'field'}{suffix}"


def _suffix(data: bytes) -> str:
    """Give the usual ending of a file of these bytes."""
    try:
        return FORMATS[sniff(data)].suffixes[0]
    except ImageError:
        return ""  # the API has read it, and knows a type that this page does not


def classes_toml(classes: Sequence[ClassWords]) -> str:
    """Write ``classes.toml``; a JSON string is a TOML string, too."""
    lines = []
    for class_words in classes:
        entry = {
            "id": class_words.label,
            "name": class_words.name,
            "description": class_words.description,
            "triage": class_words.triage,
        }
        entry["colour"] = class_words.colour if re.fullmatch(r"#[0-9A-Fa-f]{6}", class_words.colour) else None
        lines += ["[[classes]]", *(f"{key} = {json.dumps(value)}" for key, value in entry.items() if value), ""]
    return "\n".join(lines)


def _groups(rows: Sequence[tuple[str, str]]) -> str:
    buffer = io.StringIO()
    writer = csv.writer(buffer)
    writer.writerow(["file", "specimen"])
    writer.writerows(rows)
    return buffer.getvalue()


class _Sink(io.RawIOBase):
    """Takes what is written, and gives it away; it cannot be wound back, which the ZIP format allows for."""

    def __init__(self) -> None:
        super().__init__()
        self._held = bytearray()

    def writable(self) -> bool:
        return True

    def write(self, data: object) -> int:
        content = bytes(data)  # type: ignore[call-overload]
        self._held += content
        return len(content)

    def taken(self) -> bytes:
        """Give what was written since the last time."""
        written, self._held = bytes(self._held), bytearray()
        return written
