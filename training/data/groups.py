"""Which fields belong together, so that a model is never examined on a patient, slide or specimen that it has learnt.

In this order: ``groups.csv``, a folder within the class folder, a pattern for file names; else slides inferred from the
look; else runs of neighbouring numbers; else each image by itself, which flatters, and is said wherever a number is.
``train``, ``crossvalidate`` and ``evaluate`` have protocols for fields that nobody grouped, and take told groups in the
place of inferred slides.
"""

import argparse
import csv
import io
import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from training.data.labels import GROUPS_NAME, DataError, acquisition_of
from training.data.source import Listing, SourceImage

KINDS = ("patient", "specimen", "slide")
"""Columns of the file that may name a group, the strictest first."""
LEAST_SLIDES = 3
"""Inferred slides that every class must lie on: with fewer, what is left out of a class is half of it and more, and
how pictures of single cells look says little of their slide."""
RUNS = 5
"""Parts into which each class's numbers are cut where nothing else is known."""
NUMBERED = 0.95
"""Share of a class's files with a number of their own from which on numbers tell the order of acquisition."""
RANDOM_WARNING = (
    "No patient, slide or number is known, so images of one slide may be on both sides of every test: these numbers "
    "are too good. Name patients in groups.csv."
)
RUNS_WARNING = (
    "No patient or slide is known; runs of neighbouring numbers were left out, which is kinder than new patients are."
)
ONE_WARNING = (
    "All images are of one specimen, as far as anybody told, so every test asks about a specimen that was learnt from: "
    "these numbers are too good. Label images of other specimens too."
)
INFERRED_WARNING = "Slides were inferred from how fields look, not told: name patients in groups.csv to be sure."


@dataclass(frozen=True)
class Groups:
    """The group of every image.

    Attributes
    ----------
    names : dict of str to str
        By key.
    kind : str
        What a group is: one of ``KINDS``, ``folder``, ``pattern``, ``inferred slide``, ``run of numbers`` or ``image``.
    warning : str or None
        What a reader of any number must know; None where groups were told.
    """

    names: dict[str, str]
    kind: str
    warning: str | None

    @property
    def told(self) -> bool:
        """Whether somebody said which images belong together."""
        return self.warning is None

    @property
    def apart(self) -> bool:
        """Whether there is a group to leave out: what was labelled in one sitting on the page is of one specimen."""
        return len(set(self.names.values())) > 1


def groups_of(
    folder: Path, listing: Listing, infer: Callable[[], Mapping[str, str]], pattern: str | None = None
) -> Groups:
    """Find the group of every image.

    Parameters
    ----------
    folder : Path
        Holds the classes, and ``groups.csv`` or not.
    listing : Listing
        Of that folder.
    infer : callable
        Gives inferred slides by key; asked only where files are numbered and nobody told.
    pattern : str, optional
        A regular expression; its first group, or all that it matches, names the group of a file.

    Raises
    ------
    DataError
        ``groups.csv`` or the pattern does not fit the files, or a class lies in one group whole; says what to do.
    """
    if (groups := read_groups(folder, listing, pattern)) is not None:
        if groups.apart:
            return groups
        return Groups({image.key: image.key for image in listing.images}, "image", ONE_WARNING)
    if _are_numbered(listing.images):
        slides = dict(infer())
        if min(map(len, _groups_by_class(slides, listing.images).values())) >= LEAST_SLIDES:
            return Groups(slides, "inferred slide", INFERRED_WARNING)
        return Groups(_runs(listing.images), "run of numbers", RUNS_WARNING)
    return Groups({image.key: image.key for image in listing.images}, "image", RANDOM_WARNING)


def add_group_pattern(parser: argparse._ActionsContainer) -> None:
    """Add the option that finds groups in file names."""
    parser.add_argument("--group-pattern", help="regular expression of file names; its first group names the patient")


def read_groups(folder: Path, listing: Listing, pattern: str | None = None) -> Groups | None:
    """Read what a folder tells of groups; as ``parse_groups``."""
    path = folder / GROUPS_NAME
    return parse_groups(listing.images, path.read_bytes() if path.is_file() else None, path, pattern)


def parse_groups(
    images: Sequence[SourceImage], table: bytes | None, path: Path, pattern: str | None = None, *, whole: bool = True
) -> Groups | None:
    """Read off which images somebody said belong together; None where nobody did.

    Parameters
    ----------
    images : sequence of SourceImage
        Of a set.
    table : bytes or None
        Of its ``groups.csv``, if it has one.
    path : Path
        Of that file, to be named where it is not as it must be.
    pattern : str, optional
        As of ``groups_of``.
    whole : bool
        They are all that a model will be made of, and no part that others are added to.

    Raises
    ------
    DataError
        As ``groups_of``.
    """
    if table is not None:
        groups = _from_table(table, path, images)
    elif pattern is not None:
        groups = _from_pattern(pattern, images)
    elif any(image.group for image in images):
        groups = _from_folders(images)
    else:
        return None
    return _demand_apart(groups, images) if whole else groups


def table_of_groups(groups: Groups) -> bytes:
    """Write told groups as a ``groups.csv``, by key: what goes with a set into a bucket."""
    kind = groups.kind if groups.kind in KINDS else KINDS[0]
    buffer = io.StringIO()
    rows = csv.writer(buffer, lineterminator="\n")
    rows.writerows([("file", kind), *sorted(groups.names.items())])
    return buffer.getvalue().encode()


def _from_table(table: bytes, path: Path, images: Sequence[SourceImage]) -> Groups:
    try:
        rows = list(csv.DictReader(io.StringIO(table.decode("utf-8-sig"))))
    except (UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"{path} cannot be read as a table ({error}): save it as CSV in UTF-8") from error
    columns = set(rows[0]) if rows else set()
    kind = next((column for column in KINDS if column in columns), None)
    if "file" not in columns or kind is None:
        raise DataError(f"{path} needs a column file and one of {', '.join(KINDS)} in its first line")
    group_by_file = {str(row["file"]).strip().replace("\\", "/"): str(row[kind] or "").strip() for row in rows}
    name_counts = Counter(name.rpartition("/")[2] for name in group_by_file)
    by_name = {name.rpartition("/")[2]: group for name, group in group_by_file.items()}
    group_by_key = {}
    for image in images:
        name = image.path.rpartition("/")[2]
        group = (
            group_by_file.get(image.path)
            or group_by_file.get(image.key)
            or (by_name[name] if name_counts[name] == 1 else "")
        )
        if group:
            group_by_key[image.key] = group
    if missing := [image.path for image in images if image.key not in group_by_key]:
        raise DataError(
            f"{path} names no {kind} for {len(missing)} of {len(images)} images, such as {missing[0]}: add a line for "
            "each, its file as <class folder>/<file name>"
        )
    return Groups(group_by_key, kind, None)


def _from_folders(images: Sequence[SourceImage]) -> Groups:
    if ungrouped := [image.path for image in images if image.group is None]:
        raise DataError(
            f"{len(ungrouped)} images, such as {ungrouped[0]}, lie beside the folders of patients in their class: put "
            f"each in its patient's folder, or name all in {GROUPS_NAME}"
        )
    return Groups({image.key: str(image.group) for image in images}, "folder", None)


def _from_pattern(pattern: str, images: Sequence[SourceImage]) -> Groups:
    compiled = compile_pattern(pattern)
    group_by_key = {}
    for image in images:
        if match := compiled.search(image.path.rpartition("/")[2]):
            group_by_key[image.key] = match.group(1) if compiled.groups else match.group(0)
    if missing := [image.path for image in images if not group_by_key.get(image.key)]:
        raise DataError(
            f"--group-pattern {pattern!r} finds no group in {len(missing)} of {len(images)} file names, such as "
            f"{missing[0]}: correct it"
        )
    return Groups(group_by_key, "pattern", None)


def compile_pattern(pattern: str) -> re.Pattern[str]:
    """Read a pattern of file names.

    Raises
    ------
    DataError
        It is no regular expression.
    """
    try:
        return re.compile(pattern)
    except re.error as error:
        raise DataError(f"--group-pattern {pattern!r} is no regular expression: {error}") from error


def _are_numbered(images: Sequence[SourceImage]) -> bool:
    """Tell whether nearly every file of each class has a number of its own."""
    by_class: dict[str, list[int]] = {}
    for image in images:
        number = acquisition_of(image.key)
        by_class.setdefault(image.label, []).append(-1 if number is None else number)
    return all(len({n for n in numbers if n >= 0}) >= NUMBERED * len(numbers) for numbers in by_class.values())


def _runs(images: Sequence[SourceImage]) -> dict[str, str]:
    by_class: dict[str, list[SourceImage]] = {}
    for image in images:
        by_class.setdefault(image.label, []).append(image)
    run_by_key = {}
    for label, class_images in by_class.items():
        class_images.sort(key=lambda image: (acquisition_of(image.key) or 0, image.key))
        for number, part in enumerate(np.array_split(np.arange(len(class_images)), min(RUNS, len(class_images))), 1):
            run_by_key.update({class_images[position].key: f"{label}-run-{number}" for position in part})
    return run_by_key


def _groups_by_class(names: Mapping[str, str], images: Sequence[SourceImage]) -> dict[str, set[str]]:
    groups: dict[str, set[str]] = {}
    for image in images:
        groups.setdefault(image.label, set()).add(names[image.key])
    return groups


def _demand_apart(groups: Groups, images: Sequence[SourceImage]) -> Groups:
    """Refuse a class of one group where there are others; of a single group nobody can leave anything out."""
    if not groups.apart:
        return groups
    for label, class_groups in _groups_by_class(groups.names, images).items():
        if len(class_groups) == 1:
            raise DataError(
                f"every image of {label} is of one {groups.kind}, {min(class_groups)}: what a model learns there may "
                f"be the {groups.kind} alone; add images of another one, or leave the class out"
            )
    return groups
