"""The command ``collect``: a data set of what reviewers labelled, each with consent or in a file of their own.

::

    python -m training collect local --output my-slides
    python -m training collect ann.zip bob.zip s3://FEEDBACK-BUCKET --output my-slides
"""

import argparse
import csv
import io
import shutil
import sys
import tempfile
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from api.schemas import OTHER
from inference import ClassSpec
from terminal import Column, Table, add_format, open_console
from training.data.agreement import Kappa, kappa, majority
from training.data.classes import CLASSES_NAME, labels_of, write_classes
from training.data.feedback_store import FOLDER, Judgement, Store, open_store
from training.data.groups import KINDS
from training.data.labelled_set import LabelledSet
from training.data.labels import GROUPS_NAME, DataError
from training.data.s3 import BucketError

DISAGREEMENTS_NAME = "disagreements.csv"
ALONE = "image "
"""Before the image's own name, where nobody told of which specimen it is."""


@dataclass(frozen=True)
class Collected:
    """What was written.

    Attributes
    ----------
    counts : dict of str to int
        Images by class.
    disagreements : int
        Images without a majority, listed and left out.
    others : int
        Images that are none of the classes, left out.
    specimens : int
        Told by reviewers.
    agreement : Kappa or None
    """

    counts: dict[str, int]
    disagreements: int
    others: int
    specimens: int
    agreement: Kappa | None


@dataclass(frozen=True)
class _SourcedJudgement:
    """A judgement, and the source that holds its image."""

    source: Store | LabelledSet
    judgement: Judgement


def collect(sources: Sequence[Store | LabelledSet], output: Path) -> Collected:
    """Write ``<class>/<image>`` with ``groups.csv``, and the images on which reviewers do not agree as a list.

    Parameters
    ----------
    sources : sequence of Store or LabelledSet
        Of labels; an image is the same wherever its pixels are.
    output : Path
        A folder that is not there yet.

    Raises
    ------
    DataError
        The folder is there, nothing was labelled with consent, or a record is damaged; nothing is written.
    """
    if output.exists():
        raise DataError(f"{output} is there already: name a new folder, so that no label of yours is lost")
    sourced: dict[str, list[_SourcedJudgement]] = {}
    for source in sources:
        for judgement in source.judgements():
            sourced.setdefault(judgement.image, []).append(_SourcedJudgement(source, judgement))
    if not sourced:
        raise DataError("no image was labelled with consent: label some on the page, with the consent ticked")
    classes = _joined_classes(sources)
    judgements_by_image = {image: [entry.judgement for entry in entries] for image, entries in sourced.items()}
    spellings: dict[str, str] = {}
    for spelling in (
        *labels_of(classes),
        *(judgement.label for judgements in judgements_by_image.values() for judgement in judgements),
    ):
        spellings.setdefault(spelling.casefold(), spelling)
    votes = {image: _latest_labels(judgements, spellings) for image, judgements in judgements_by_image.items()}
    labels = {image: majority(image_votes) for image, image_votes in votes.items()}
    output.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=output.parent, prefix=f".{output.name}-") as staging:
        staging_folder = Path(staging, "set")
        staging_folder.mkdir()
        rows, counts = [], dict[str, int]()
        for image, label in sorted(labels.items()):
            # A field that is none of the classes is no example of one.
            if label in (None, OTHER):
                continue
            first_entry = sourced[image][0]
            content, kind = first_entry.source.pixels(first_entry.judgement)
            name = f"{label}/{image[:16]}.{kind}"
            path = staging_folder / name
            path.parent.mkdir(exist_ok=True)
            path.write_bytes(content)
            counts[str(label)] = counts.get(str(label), 0) + 1
            rows.append([name, _first_specimen(judgements_by_image[image]) or f"{ALONE}{image[:16]}"])
        (staging_folder / GROUPS_NAME).write_text(_csv([["file", _kind(sources)], *rows]), encoding="utf-8")
        if classes:
            (staging_folder / CLASSES_NAME).write_bytes(_described_classes(classes, list(counts)))
        disagreements = [
            [image[:16], reviewer or "unnamed", label]
            for image, image_votes in sorted(votes.items())
            if labels[image] is None
            for reviewer, label in sorted(image_votes.items())
        ]
        if disagreements:
            table = _csv([["image", "reviewer", "label"], *disagreements])
            (staging_folder / DISAGREEMENTS_NAME).write_text(table, encoding="utf-8")
        shutil.move(staging_folder, output)
    specimens = {specimen for judgements in judgements_by_image.values() if (specimen := _first_specimen(judgements))}
    return Collected(
        counts,
        sum(label is None for label in labels.values()),
        sum(label == OTHER for label in labels.values()),
        len(specimens),
        kappa(votes),
    )


def _joined_classes(sources: Sequence[Store | LabelledSet]) -> list[ClassSpec]:
    """Put together what the sources say of their classes.

    Raises
    ------
    DataError
        Two say another triage group of one class.
    """
    class_by_id: dict[str, ClassSpec] = {}
    for spec in (spec for source in sources if isinstance(source, LabelledSet) for spec in source.classes):
        earlier = class_by_id.setdefault(spec.id.casefold(), spec)
        if earlier.triage != spec.triage:
            raise DataError(
                f"{spec.id} is {earlier.triage or 'of no triage group'} in one {CLASSES_NAME} and "
                f"{spec.triage or 'of none'} in another: write the same into both"
            )
    return list(class_by_id.values())


def _described_classes(classes: Sequence[ClassSpec], labels: Sequence[str]) -> bytes:
    """Write the classes that have an image, those that nobody described last, by their labels."""
    described = [spec for spec in classes if spec.id in labels]
    undescribed = [ClassSpec(id=label, name=label) for label in labels if label not in labels_of(classes)]
    return write_classes([*described, *undescribed])


def _kind(sources: Sequence[Store | LabelledSet]) -> str:
    """Say what a group is: as every source says, else a specimen."""
    kinds = {source.kind if isinstance(source, LabelledSet) else KINDS[1] for source in sources} - {None}
    (only,) = kinds if len(kinds) == 1 else (None,)
    return only if only in KINDS else KINDS[1]


def _latest_labels(judgements: list[Judgement], spellings: Mapping[str, str]) -> Mapping[str, str]:
    """Give each reviewer's last label, upper and lower case being one."""
    ordered = sorted(judgements, key=lambda judgement: judgement.received_at)
    return {judgement.reviewer: spellings[judgement.label.casefold()] for judgement in ordered}


def _first_specimen(judgements: list[Judgement]) -> str:
    return next((judgement.specimen for judgement in judgements if judgement.specimen), "")


def _csv(rows: list[list[str]]) -> str:
    buffer = io.StringIO()
    csv.writer(buffer, lineterminator="\n").writerows(rows)
    return buffer.getvalue()


def open_sources(places: Sequence[str]) -> list[Store | LabelledSet]:
    """Open what labels are collected from; each place once, however often it is named.

    Raises
    ------
    DataError, BucketError
        One of them is none.
    """
    unique_places = list(dict.fromkeys(places))
    stems = Counter(Path(place).stem for place in unique_places)
    sources: list[Store | LabelledSet] = []
    for place in unique_places:
        path = Path(place)
        if place == "local" or place.startswith("s3:") or not path.exists() or (path / FOLDER).is_dir():
            sources.append(open_store(place))
        else:
            sources.append(LabelledSet(path, path.stem if stems[path.stem] == 1 else place))
    return sources


def table_of(collected: Collected) -> Table:
    """Give what was written as a table."""
    table = Table((Column("what"), Column("count")))
    for label, count in sorted(collected.counts.items()):
        table.add(f"images of {label}", str(count))
    table.add("specimens named by reviewers", str(collected.specimens))
    table.add("images without a majority, left out", str(collected.disagreements))
    table.add("images that are none of the classes, left out", str(collected.others))
    if collected.agreement:
        agreement = collected.agreement
        table.add(f"{agreement.name} on {agreement.images} images", f"{agreement.value:.3f}")
    return table


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the ``collect`` command."""
    parser = subparsers.add_parser("collect", help="make a data set of what reviewers labelled with consent")
    parser.add_argument(
        "sources",
        nargs="+",
        metavar="SOURCE",
        help="s3://FEEDBACK-BUCKET, local, the folder of a local server's data, or a reviewer's ZIP file or folder of "
        "class folders, which counts as one reviewer of that name",
    )
    parser.add_argument("--output", type=Path, required=True, help="folder to write, which is not there yet")
    add_format(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Run the ``collect`` command; gives the exit code."""
    try:
        collected = collect(open_sources(options.sources), options.output)
    except (DataError, BucketError) as error:
        sys.stderr.write(f"collect: {error}\n")
        return 2
    table_of(collected).write(open_console(), options.format)
    sys.stderr.write(f"{options.output}: look at it with `python -m training check {options.output}`\n")
    return 0
