"""`python -m training slides FOLDER`: infer the slides of a set, draw their contact sheets, report on them.

How far inferred slides can be trusted: evidence that the inference by look did not use, and its stability.

Fields that share cells (the manifest's duplicate groups) are on one slide for certain. Step 4 of the inference links
them; here the slides before that step are held against them.

Contact sheets: the fields of each slide side by side, for the eye to judge.

They show the images themselves, so they belong into runs/, which git ignores, and never into a commit.
"""

import argparse
import itertools
import re
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from training.data.labels import DataError
from training.data.manifest import Manifest, Record
from training.data.slide_features import Appearance
from training.data.slides import CACHE, Inferred, Parameters, appearances_of, by_key, infer_slides, paths_of
from training.data.splits import slide_folds
from training.data.validation import manifest_of
from training.dry_run import add_dry_run, describe_counts, print_dry_run

THUMBNAIL = 96  # pixels
COLUMNS = 12
MOST = 60  # fields a sheet; more are thinned out evenly
CAPTION = 24  # pixels


def write_sheets(folder: Path, records: Sequence[Record], paths: Sequence[Path], slides: Sequence[str]) -> list[Path]:
    """Write one sheet a slide.

    Parameters
    ----------
    folder
        Made if absent.
    records, paths, slides
        One of each an image.

    Returns
    -------
    list of Path
        The sheets, by name of slide.
    """
    folder.mkdir(parents=True, exist_ok=True)
    sheet_paths = []
    for slide in sorted(set(slides)):
        members = [k for k, name in enumerate(slides) if name == slide]
        members.sort(key=lambda k: (records[k].acquisition or 0, records[k].key))
        shown = [members[k] for k in np.linspace(0, len(members) - 1, min(MOST, len(members))).round().astype(int)]
        numbers = f"numbers {records[members[0]].acquisition} to {records[members[-1]].acquisition}"
        sheet = _sheet([paths[k] for k in shown], f"{slide}: {len(members)} fields, {numbers}, {len(shown)} shown")
        sheet_paths.append(folder / f"{slide}.jpg")
        sheet.save(sheet_paths[-1], quality=88)
    return sheet_paths


def _sheet(paths: Sequence[Path], caption: str) -> Image.Image:
    rows = -(-len(paths) // COLUMNS)
    sheet = Image.new("RGB", (COLUMNS * THUMBNAIL, CAPTION + rows * THUMBNAIL), "white")
    ImageDraw.Draw(sheet).text((4, 4), caption, fill="black", font=ImageFont.load_default(size=14))
    for place, path in enumerate(paths):
        with Image.open(path) as image:
            thumbnail = image.convert("RGB").resize((THUMBNAIL, THUMBNAIL), Image.Resampling.BOX)
        sheet.paste(thumbnail, (place % COLUMNS * THUMBNAIL, CAPTION + place // COLUMNS * THUMBNAIL))
    return sheet


FAR = 9  # acquisition numbers; nearer pairs would be together in almost any cutting
CUTS = (25.0, 30.0, 35.0)
LOOKS = (6.0, 7.0, 8.0)


@dataclass(frozen=True)
class Evidence:
    """What speaks for a set of inferred slides.

    Attributes
    ----------
    pairs, together
        Pairs of fields that share cells, and the share of them that the look alone puts on one slide.
    far_pairs, far_together, far_by_chance
        The same for pairs with distant numbers, and the share expected of pairs of the same label drawn at random.
    agreement
        Adjusted Rand index with the slides found by other parameters, by (cut, same_look): 1 is the same, 0 chance.
    """

    pairs: int
    together: float
    far_pairs: int
    far_together: float
    far_by_chance: float
    agreement: dict[tuple[float, float], float]


def weigh(records: Sequence[Record], appearances: Sequence[Appearance], inferred: Inferred) -> Evidence:
    """Hold inferred slides against the pairs of fields that share cells, and against other parameters.

    Parameters
    ----------
    records, appearances
        What the slides were inferred from.
    inferred
        The slides.

    Returns
    -------
    Evidence
        Shares are NaN where there are no pairs.
    """
    from sklearn.metrics import adjusted_rand_score  # takes seconds, and no --help waits for it

    groups: dict[str, list[int]] = {}
    for k, record in enumerate(records):
        if record.duplicate_group:
            groups.setdefault(record.duplicate_group, []).append(k)
    pairs = [pair for members in groups.values() for pair in itertools.combinations(members, 2)]
    far_pairs = [(a, b) for a, b in pairs if abs((records[a].acquisition or 0) - (records[b].acquisition or 0)) > FAR]
    chance = _share_by_chance(records, inferred.by_look)
    agreement = {
        (cut, look): float(
            adjusted_rand_score(
                inferred.slides, infer_slides(records, appearances, Parameters(cut=cut, same_look=look)).slides
            )
        )
        for cut in CUTS
        for look in LOOKS
        if Parameters(cut=cut, same_look=look) != Parameters()
    }
    return Evidence(
        pairs=len(pairs),
        together=_share_on_one_slide(pairs, inferred.by_look),
        far_pairs=len(far_pairs),
        far_together=_share_on_one_slide(far_pairs, inferred.by_look),
        far_by_chance=float(np.mean([chance[records[a].label] for a, _ in far_pairs])) if far_pairs else float("nan"),
        agreement=agreement,
    )


def _share_on_one_slide(pairs: Sequence[tuple[int, int]], slides: NDArray[np.int64]) -> float:
    return float(np.mean([slides[a] == slides[b] for a, b in pairs])) if pairs else float("nan")


def _share_by_chance(records: Sequence[Record], slides: NDArray[np.int64]) -> dict[str, float]:
    """Give, for each label, the share of pairs of its images that are on one slide."""
    shares = {}
    for label in {record.label for record in records}:
        sizes = np.array(
            list(Counter(int(slides[k]) for k, record in enumerate(records) if record.label == label).values())
        )
        total = sizes.sum()
        shares[label] = float((sizes * (sizes - 1)).sum() / max(total * (total - 1), 1))
    return shares


BEGIN, END = "<!-- slides: begin (python -m training slides) -->", "<!-- slides: end -->"


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the ``slides`` command."""
    parser = subparsers.add_parser("slides", help="infer slides, draw a contact sheet of each, report on them")
    parser.add_argument("folder", type=Path, help="one folder a label")
    parser.add_argument("--sheets", type=Path, default=CACHE / "sheets", metavar="FOLDER", help="(%(default)s)")
    parser.add_argument("--docs", type=Path, metavar="FILE", help="write the report between the marks of this file")
    add_dry_run(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Run the ``slides`` command; gives the exit code."""
    try:
        manifest = manifest_of(options.folder)
        if options.dry_run:
            print_dry_run(
                {
                    "data": options.folder,
                    "manifest": manifest.digest,
                    "images": describe_counts(Counter(record.label for record in manifest.records)),
                    "sheets": options.sheets,
                    "report": options.docs or "printed",
                }
            )
            return 0
        appearances = appearances_of(options.folder, manifest)
        inferred = infer_slides(manifest.records, appearances)
        text = report(manifest, by_key(manifest, inferred), weigh(manifest.records, appearances, inferred))
        if options.docs:
            put_between_marks(options.docs, text)
        sheets = write_sheets(options.sheets, manifest.records, paths_of(options.folder, manifest), inferred.slides)
    except DataError as error:
        sys.stderr.write(f"slides: {error}\n")
        return 2
    sys.stdout.write(f"{text}\n{len(sheets)} contact sheets in {options.sheets}\n")
    return 0


def report(manifest: Manifest, slides: dict[str, str], evidence: Evidence) -> str:
    """Write the report as Markdown: slides a label, folds, evidence."""
    sizes = Counter(slides.values())
    lines = [
        f"{len(manifest.records)} images, manifest `{manifest.digest[:16]}`: {len(sizes)} inferred slides.",
        "",
        "| label | images | slides | images a slide |",
        "|---|---|---|---|",
    ]
    for label in manifest.labels:
        label_sizes = [sizes[name] for name in sorted(sizes) if name.startswith(f"{label}-")]
        lines.append(f"| {label} | {sum(label_sizes)} | {len(label_sizes)} | {', '.join(map(str, label_sizes))} |")
    lines += ["", *_folds(manifest, slides), "", *_evidence(evidence)]
    return "\n".join(lines)


def put_between_marks(path: Path, text: str) -> None:
    """Replace what stands between the two marks of a document.

    Raises
    ------
    DataError
        The document lacks the marks.
    """
    pattern = re.compile(f"{re.escape(BEGIN)}.*{re.escape(END)}", re.DOTALL)
    before = path.read_text() if path.is_file() else ""
    if not pattern.search(before):
        raise DataError(f"{path} lacks the lines {BEGIN} and {END} to write between")
    path.write_text(pattern.sub(lambda _: f"{BEGIN}\n{text}\n{END}", before))


def _folds(manifest: Manifest, slides: dict[str, str]) -> list[str]:
    lines = [
        "| fold (leave-slides-out) | " + " | ".join(manifest.labels) + " |",
        "|---|" + "---|" * len(manifest.labels),
    ]
    try:
        folds = slide_folds(manifest.records, slides)
    except DataError as error:
        return [f"No leave-slides-out folds: {error}."]
    for fold in folds:
        tested = Counter(key.split("/")[0] for key in fold.test)
        lines.append(f"| {fold.name} | " + " | ".join(str(tested[label]) for label in manifest.labels) + " |")
    return lines


def _evidence(evidence: Evidence) -> list[str]:
    agreement = evidence.agreement.values()
    lines = ["- No two fields share cells."]
    if evidence.pairs:
        lines = [
            f"- {evidence.pairs} pairs of fields share cells; the look alone puts {evidence.together:.1%} on one slide."
        ]
    if evidence.far_pairs:
        lines.append(
            f"- {evidence.far_pairs} of them have distant numbers; the look alone puts {evidence.far_together:.1%} "
            f"on one slide ({evidence.far_by_chance:.1%} by chance, for pairs of the same label)."
        )
    lines.append(
        f"- {len(agreement)} other choices of the parameters give slides whose adjusted Rand index with these is "
        f"{min(agreement):.2f} to {max(agreement):.2f}."
    )
    return lines
