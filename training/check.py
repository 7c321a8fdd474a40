"""The command ``check``: what a folder of labelled images holds and what it is good for, before anything is trained.

::

    python -m training check my-slides --page check.html
"""

import argparse
import sys
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from terminal import Column, Table, add_format, open_console
from training.atomic_write import write_whole
from training.data.classes import labels_of
from training.data.contact_page import contact_page
from training.data.dataset import FOLDER_HELP, read_images
from training.data.group_folds import LEAST_IMAGES, grouped_parts
from training.data.groups import Groups, add_group_pattern, groups_of
from training.data.labels import DataError
from training.data.manifest import Record
from training.data.slides import slides_of
from training.data.source import Source
from training.data.validation import Examination, examine
from training.evaluation.shortcuts import grouped_score

ENOUGH_IMAGES = 50
"""Of a class: below that, more images are the first thing to collect."""
ENOUGH_GROUPS = 5
"""Of a class: one for each fold that is left out."""
SHORTCUTS = ("mean_colour", "corner", "density")
MUCH_BY_A_SHORTCUT = 0.5
"""Of the way from chance to all right, from which on a shortcut is worth a warning."""
PROTOCOLS = {
    "inferred slide": "slides inferred from the look are left out",
    "run of numbers": "runs of neighbouring numbers are left out",
    "image": "images are left out one by one, which flatters",
}


@dataclass(frozen=True)
class Finding:
    """One line of the table: what was looked at, what was found, and what to do; nothing where all is well."""

    about: str
    found: str
    advice: str = ""


@dataclass
class Checked:
    """What a folder holds.

    Attributes
    ----------
    problems
        Each forbids to learn from the folder.
    findings
        The table's lines.
    examples : dict of str to list of Path
        By class, the images that the page shows.
    """

    problems: list[str] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    examples: dict[str, list[Path]] = field(default_factory=dict)


def check(folder: Path, pattern: str | None = None) -> Checked:
    """Look at everything; a folder that cannot be used is described, too.

    Raises
    ------
    DataError
        There is no such folder, or its ``classes.toml`` lists no classes.
    """
    with Source(folder) as source:
        listing, examination = source.listing(), examine(source)
    checked = Checked(problems=list(examination.problems))
    sizes = Counter(image.label for image in listing.images)
    checked.problems += [
        f"{label} has {sizes[label]} images, and {LEAST_IMAGES} of a class are needed: add some, or move it away"
        for label in labels_of(listing.classes)
        if sizes[label] < LEAST_IMAGES
    ]
    if len(listing.classes) == 1:
        checked.problems.append(f"{listing.classes[0].id} is the only class: a model tells at least two apart")
    by_class = defaultdict(list)
    for image in listing.images:
        by_class[image.label].append(folder / image.path)
    checked.examples = dict(by_class)
    groups = None
    try:
        groups = groups_of(folder, listing, lambda: slides_of(folder, examination.manifest), pattern)
    except DataError as error:
        checked.problems.append(str(error))
    labels = [image.label for image in listing.images]
    names = [groups.names[image.key] for image in listing.images] if groups else []
    checked.findings = [
        *_class_findings(labels_of(listing.classes), labels, names),
        *_image_findings(examination.manifest.records),
        *_group_findings(groups, labels, names),
        *(Finding("left aside", note) for note in examination.notes),
    ]
    if not checked.problems and names:
        checked.findings += _shortcut_findings(
            folder, examination, [image.key for image in listing.images], labels, names
        )
    checked.findings += [
        Finding("problem", problem, "settle it before anything is trained") for problem in checked.problems
    ]
    return checked


def _class_findings(ids: Sequence[str], labels: Sequence[str], names: Sequence[str]) -> Iterator[Finding]:
    for label in ids:
        count = labels.count(label)
        class_groups = (
            {name for name, image_label in zip(names, labels, strict=True) if image_label == label} if names else set()
        )
        shortages = []
        if count < ENOUGH_IMAGES:
            shortages.append(f"{ENOUGH_IMAGES - count} more images")
        if names and len(class_groups) < ENOUGH_GROUPS:
            shortages.append(f"images of {ENOUGH_GROUPS - len(class_groups)} more patients or slides")
        summary = f"{count} images" + (f" in {len(class_groups)} groups" if names else "")
        yield Finding(f"class {label}", summary, f"collect {' and '.join(shortages)}" if shortages else "")


def _image_findings(records: Sequence[Record]) -> Iterator[Finding]:
    if not records:
        return
    sides = Counter((record.width, record.height) for record in records)
    (width, height), most = sides.most_common(1)[0]
    ratio = max(max(size) for size in sides) / min(max(size) for size in sides)
    size_note = f", {len(sides) - 1} other sizes" if len(sides) > 1 else ""
    yield Finding(
        "size",
        f"{most} of {len(records)} are {width} x {height} pixels{size_note}",
        "photograph all at one magnification, or cells of one class will merely be larger" if ratio > 1.5 else "",
    )
    duplicates = Counter(record.duplicate_group for record in records if record.duplicate_group)
    if duplicates:
        yield Finding(
            "near-duplicates",
            f"{sum(duplicates.values())} images in {len(duplicates)} groups show the same cells",
            "they are kept on one side of every test; they count as one",
        )


def _group_findings(groups: Groups | None, labels: Sequence[str], names: Sequence[str]) -> Iterator[Finding]:
    if groups is None:
        return
    labels_by_group: dict[str, set[str]] = {}
    for name, label in zip(names, labels, strict=True):
        labels_by_group.setdefault(name, set()).add(label)
    protocol = PROTOCOLS.get(groups.kind, f"whole groups ({groups.kind}) are left out")
    yield Finding("protocol", f"{len(labels_by_group)} groups: {protocol}", groups.warning or "")
    single_class = sum(len(group_labels) == 1 for group_labels in labels_by_group.values())
    if groups.told and single_class:
        yield Finding(
            "groups of one class",
            f"{single_class} of {len(labels_by_group)} groups hold one class alone",
            "there, a class and a patient's stain cannot be told apart: add other classes of the same patients"
            if single_class > len(labels_by_group) / 2
            else "",
        )


def _shortcut_findings(
    folder: Path, examination: Examination, keys: Sequence[str], labels: Sequence[str], names: Sequence[str]
) -> Iterator[Finding]:
    ids = sorted(set(labels))
    truth = np.array([ids.index(label) for label in labels])
    parts = grouped_parts(truth, names)
    images = read_images([folder / examination.images[key].path for key in keys], "Reading images")
    chance = 1 / len(ids)
    for name in SHORTCUTS:
        score = grouped_score(name, images, truth, parts)
        is_strong = score - chance > MUCH_BY_A_SHORTCUT * (1 - chance)
        yield Finding(
            f"shortcut {name.replace('_', ' ')}",
            f"balanced accuracy {score:.2f} without a look at any cell (chance {chance:.2f})",
            "classes differ by more than cells: mix slides, days and stains between them" if is_strong else "",
        )


def table_of(checked: Checked) -> Table:
    """Give the findings as a table."""
    table = Table((Column("about"), Column("found"), Column("advice")))
    for finding in checked.findings:
        table.add(finding.about, finding.found, finding.advice)
    return table


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the ``check`` command."""
    parser = subparsers.add_parser("check", help="say what a folder of labelled images is good for")
    parser.add_argument("folder", type=Path, help=FOLDER_HELP)
    add_group_pattern(parser)
    parser.add_argument("--page", type=Path, help="write a page with contact sheets of every class to this file")
    add_format(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Run the ``check`` command; gives the exit code: 2 where something forbids to learn from the folder."""
    try:
        checked = check(options.folder, options.group_pattern)
    except DataError as error:
        sys.stderr.write(f"check: {error}\n")
        return 2
    table_of(checked).write(open_console(), options.format)
    if options.page:
        rows = [(finding.about, finding.found, finding.advice) for finding in checked.findings]
        write_whole(options.page, contact_page(options.folder.name, rows, checked.examples).encode())
        sys.stderr.write(f"page with contact sheets: {options.page}\n")
    return 2 if checked.problems else 0
