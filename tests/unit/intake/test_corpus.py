"""The truth corpus: one field in every form gives the answer of the plain file, or is refused by its reason."""

import os
import re
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from settings import load_settings

import inference
from intake import ImageError, read_image, to_model_input
from intake.errors import REASONS

from .variants import Field, Variant, grey_of, variants

ROOT = Path(__file__).resolve().parents[3]
PAGE = ROOT / "docs" / "api.md"
BEGIN, END = "<!-- corpus: begin -->\n", "<!-- corpus: end -->\n"
UPDATE = "LEUKOLENS_UPDATE_SNAPSHOTS"
ADVICE = re.compile(r"\b(save|send|convert|export|extract|open|show|unpack|transfer|embed)\b", re.IGNORECASE)
MOST_APART = 0.02
MOST_APART_LOSSY = 0.05
MOST_LEVELS = 5.0
"""Mean difference of what the model is shown, of 255: a way through CMYK costs 4, a gamma of 1.8 that is ignored 6.
It is asked of every field; of a drawing, which the model does not know, it is all that can be asked: there the answer
holds no probabilities."""


@dataclass(frozen=True)
class Row:
    """What became of one file.

    Attributes
    ----------
    reason, advice
        Of a refusal; empty where it was read.
    apart
        Largest difference of a probability from the plain file's; 0 where the model does not know the field.
    levels
        Mean difference of the model's input from the plain file's, of 255.
    same
        Whether label and verdict are the plain file's.
    """

    variant: Variant
    reason: str = ""
    advice: str = ""
    notes: tuple[str, ...] = ()
    apart: float = 0.0
    levels: float = 0.0
    same: bool = True

    @property
    def fault(self) -> str:
        """Say what is wrong; empty where the file was read as the plain one or refused as it should be."""
        wanted = self.variant.refused
        if self.reason != wanted:
            return f"{self.variant.group}, {self.variant.name}: {self.reason or 'read'}, not {wanted or 'read'}"
        if self.levels > MOST_LEVELS:
            return f"{self.variant.group}, {self.variant.name}: other pixels, {self.levels:.2f} levels apart"
        if not self.same or self.apart > (MOST_APART_LOSSY if self.variant.lossy else MOST_APART):
            return f"{self.variant.group}, {self.variant.name}: another answer, {self.apart:.3f} apart"
        return ""


def run(classifier: inference.Classifier, field: Field) -> list[Row]:
    """Read every form of a field and compare what the model says of it."""
    spec, threshold = classifier.card.input, classifier.card.out_of_distribution.threshold
    grey = np.repeat(grey_of(field)[..., np.newaxis], 3, axis=2)
    plain = {False: field, True: grey}
    shown = {kind: to_model_input(pixels, spec.height, spec.width) for kind, pixels in plain.items()}
    reference = {kind: classifier.run(pixels) for kind, pixels in shown.items()}
    rows = []
    for variant in variants(field):
        try:
            picture = read_image(variant.data)
        except ImageError as error:
            rows.append(Row(variant, error.reason, str(error)))
            continue
        if np.array_equal(picture.pixels, plain[variant.grey]):
            rows.append(Row(variant, notes=picture.notes))
            continue
        pixels, before = to_model_input(picture.pixels, spec.height, spec.width), reference[variant.grey]
        answer = classifier.run(pixels)
        levels = float(np.abs(pixels.astype(float) - shown[variant.grey]).mean())
        unknown = before.out_of_distribution_score > threshold
        same = (answer.out_of_distribution_score > threshold) == unknown
        apart = 0.0
        if not unknown:
            same &= answer.probabilities.argmax() == before.probabilities.argmax()
            apart = float(np.abs(answer.probabilities - before.probabilities).max())
        rows.append(Row(variant, notes=picture.notes, apart=apart, levels=levels, same=bool(same)))
    return rows


@pytest.fixture(scope="module")
def classifier() -> inference.Classifier:
    """Give the shipped model."""
    return inference.load(load_settings().model_dir)


@pytest.fixture(scope="module")
def rows(classifier: inference.Classifier) -> list[Row]:
    """Run the corpus of one drawn field."""
    with Image.open(ROOT / "samples" / "synthetic_pre_01.png") as image:
        return run(classifier, np.asarray(image.convert("RGB")))


def test_every_form_is_read_as_the_plain_file_or_refused_by_its_reason(rows: list[Row]) -> None:
    assert len(rows) > 140
    assert [row.fault for row in rows if row.fault] == []


def test_what_is_put_together_scaled_or_left_out_is_noted(rows: list[Row]) -> None:
    silent = [row.variant.name for row in rows if not row.reason and not row.notes]
    told = ("channels", "12 bits in 16", "14 bits", "composite", "hidden", "several", "animation", "further pages")
    assert [name for name in silent if any(part in name for part in told)] == []


def test_every_refusal_has_a_listed_reason_and_advice(rows: list[Row]) -> None:
    refused = [row for row in rows if row.reason]
    assert {row.reason for row in refused} <= REASONS.keys()
    assert [row.advice for row in refused if not ADVICE.search(row.advice)] == []


def test_no_patients_tag_is_in_answer_or_message(rows: list[Row]) -> None:
    told = [f"{row.advice} {row.notes}" for row in rows if row.variant.group == "DICOM"]
    assert not any("Nobody" in text or "none-0" in text for text in told)


@pytest.mark.data
@pytest.mark.parametrize("label", ["Benign", "Pro"])
def test_every_form_of_a_real_field_is_read_or_refused_alike(
    classifier: inference.Classifier, smears: Path, label: str
) -> None:
    file = sorted((smears / label).iterdir())[40]
    with Image.open(file) as image:
        field = np.asarray(image.convert("RGB"))
    assert [row.fault for row in run(classifier, field) if row.fault] == []


def table(rows: list[Row]) -> str:
    """Make the table of docs/api.md."""
    lines = ["| sent | forms that give the answer of the plain file |", "|---|---|"]
    read = [row for row in rows if not row.reason]
    for group, members in groupby(read, lambda row: row.variant.group):
        lines.append(f"| {group} | {'; '.join(row.variant.name for row in members)} |")
    lines += ["", "| refused | `reason` | what the answer says |", "|---|---|---|"]
    for row in rows:
        if row.reason:
            lines.append(f"| {row.variant.group}: {row.variant.name} | `{row.reason}` | {row.advice} |")
    lines += ["", "| `reason` | meaning |", "|---|---|"]
    lines += [f"| `{reason}` | {meaning} |" for reason, meaning in REASONS.items()]
    return "\n".join(lines) + "\n"


def test_the_table_of_the_page_is_of_this_run(rows: list[Row]) -> None:
    page = PAGE.read_text("utf-8")
    before, _, rest = page.partition(BEGIN)
    _, _, after = rest.partition(END)
    made = before + BEGIN + table(rows) + END + after
    if os.environ.get(UPDATE) == "1":
        PAGE.write_text(made, "utf-8")
    assert page == made or os.environ.get(UPDATE) == "1", f"run this test with {UPDATE}=1 and read what changed"
