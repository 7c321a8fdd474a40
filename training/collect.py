"""The command ``collect``: a data set of what reviewers labelled with consent.

::

    python -m training collect local --output my-slides
"""

import argparse
import csv
import io
import shutil
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from api.schemas import OTHER
from terminal import Column, Table, add_format, open_console
from training.data.agreement import Kappa, kappa, majority
from training.data.feedback_store import Judgement, Store, open_store
from training.data.groups import GROUPS_NAME
from training.data.labels import DataError
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


def collect(store: Store, output: Path) -> Collected:
    """Write ``<class>/<image>`` with ``groups.csv``, and the images on which reviewers do not agree as a list.

    Parameters
    ----------
    store : Store
        Of feedback.
    output : Path
        A folder that is not there yet.

    Raises
    ------
    DataError
        The folder is there, nothing was labelled with consent, or a record is damaged; nothing is written.
    """
    if output.exists():
        raise DataError(f"{output} is there already: name a new folder, so that no label of yours is lost")
    judged: dict[str, list[Judgement]] = {}
    for one in store.judgements():
        judged.setdefault(one.image, []).append(one)
    if not judged:
        raise DataError("no image was labelled with consent: label some on the page, with the consent ticked")
    votes = {image: _latest(some) for image, some in judged.items()}
    labels = {image: majority(some) for image, some in votes.items()}
    output.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=output.parent, prefix=f".{output.name}-") as place:
        staged = Path(place, "set")
        staged.mkdir()
        rows, counts = [], dict[str, int]()
        for image, label in sorted(labels.items()):
            # A field that is none of the classes is no example of one.
            if label in (None, OTHER):
                continue
            first = judged[image][0]
            name = f"{label}/{image[:16]}.{first.key.rpartition('.')[2]}"
            path = staged / name
            path.parent.mkdir(exist_ok=True)
            path.write_bytes(store.pixels(first))
            counts[str(label)] = counts.get(str(label), 0) + 1
            rows.append([name, _specimen(judged[image]) or f"{ALONE}{image[:16]}"])
        (staged / GROUPS_NAME).write_text(_csv([["file", "specimen"], *rows]), encoding="utf-8")
        settle = [
            [image[:16], reviewer or "unnamed", label]
            for image, some in sorted(votes.items())
            if labels[image] is None
            for reviewer, label in sorted(some.items())
        ]
        if settle:
            listed = _csv([["image", "reviewer", "label"], *settle])
            (staged / DISAGREEMENTS_NAME).write_text(listed, encoding="utf-8")
        shutil.move(staged, output)
    told = {specimen for some in judged.values() if (specimen := _specimen(some))}
    return Collected(
        counts,
        sum(label is None for label in labels.values()),
        sum(label == OTHER for label in labels.values()),
        len(told),
        kappa(votes),
    )


def _latest(some: list[Judgement]) -> Mapping[str, str]:
    """Give each reviewer's last label."""
    return {one.reviewer: one.label for one in sorted(some, key=lambda one: one.received_at)}


def _specimen(some: list[Judgement]) -> str:
    return next((one.specimen for one in some if one.specimen), "")


def _csv(rows: list[list[str]]) -> str:
    buffer = io.StringIO()
    csv.writer(buffer, lineterminator="\n").writerows(rows)
    return buffer.getvalue()


def table_of(collected: Collected) -> Table:
    """Give what was written as a table."""
    table = Table((Column("what"), Column("count")))
    for label, count in sorted(collected.counts.items()):
        table.add(f"images of {label}", str(count))
    table.add("specimens named by reviewers", str(collected.specimens))
    table.add("images without a majority, left out", str(collected.disagreements))
    table.add("images that are none of the classes, left out", str(collected.others))
    if collected.agreement:
        one = collected.agreement
        table.add(f"{one.name} on {one.images} images", f"{one.value:.3f}")
    return table


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the ``collect`` command."""
    parser = subparsers.add_parser("collect", help="make a data set of what reviewers labelled with consent")
    parser.add_argument("source", help="s3://FEEDBACK-BUCKET, local, or the folder of a local server's data")
    parser.add_argument("--output", type=Path, required=True, help="folder to write, which is not there yet")
    add_format(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Run the ``collect`` command; gives the exit code."""
    try:
        collected = collect(open_store(options.source), options.output)
    except (DataError, BucketError) as error:
        sys.stderr.write(f"collect: {error}\n")
        return 2
    table_of(collected).write(open_console(), options.format)
    sys.stderr.write(f"{options.output}: look at it with `python -m training check {options.output}`\n")
    return 0
