"""`python -m training slides FOLDER`: infer the slides of a set, draw their contact sheets, report on them."""

import argparse
import re
import sys
from collections import Counter
from pathlib import Path

from training.contact_sheets import write_sheets
from training.data.dataset import LABELS, DataError
from training.data.manifest import Manifest
from training.data.slides import infer_slides
from training.data.splits import FOLDS, slide_folds
from training.inventory import manifest_of
from training.slide_evidence import Evidence, weigh
from training.slide_map import CACHE, appearances_of, by_key, paths_of

BEGIN, END = "<!-- slides: begin (python -m training slides) -->", "<!-- slides: end -->"


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the ``slides`` command."""
    parser = subparsers.add_parser("slides", help="infer slides, draw a contact sheet of each, report on them")
    parser.add_argument("folder", type=Path, help="one folder a label")
    parser.add_argument("--sheets", type=Path, default=CACHE / "sheets", metavar="FOLDER", help="(%(default)s)")
    parser.add_argument("--docs", type=Path, metavar="FILE", help="write the report between the marks of this file")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Run the ``slides`` command; gives the exit code."""
    try:
        manifest = manifest_of(options.folder)
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
    for label in LABELS:
        of_label = [sizes[name] for name in sorted(sizes) if name.startswith(f"{label}-")]
        lines.append(f"| {label} | {sum(of_label)} | {len(of_label)} | {', '.join(map(str, of_label))} |")
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
    lines = [f"| fold ({FOLDS}, leave-slides-out) | " + " | ".join(LABELS) + " |", "|---|" + "---|" * len(LABELS)]
    try:
        folds = slide_folds(manifest.records, slides)
    except DataError as error:
        return [f"No leave-slides-out folds: {error}."]
    for fold in folds:
        tested = Counter(key.split("/")[0] for key in fold.test)
        lines.append(f"| {fold.name} | " + " | ".join(str(tested[label]) for label in LABELS) + " |")
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
