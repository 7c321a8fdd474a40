"""Answers for people and programs: a table, JSON or CSV."""

import csv
import io
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.text import Text

from api.schemas import ListedModel, Prediction, Problem, Triage, Verdict
from terminal import Table
from untrusted import in_csv

VERDICT_STYLES = {"accepted": "green", "uncertain": "yellow", "out_of_distribution": "magenta"}
_DIGEST_SHOWN = 12
"""Characters of a model's digest in a table: enough to tell models apart; JSON has it whole."""
ANSWER_HEADINGS = ("triage", "malignant", "in words")
ANSWER_COLUMNS = (
    "triage",
    "triage_verdict",
    "triage_probability",
    "summary",
    "label",
    "probability",
    "verdict",
    "malignant_probability",
    "prediction_set",
    "reason",
    "magnification",
    "tiles",
    "out_of_distribution_score",
    "image_sha256",
    "model_name",
    "model_version",
    "model_sha256",
    "request_id",
    "notes",
)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one file: an answer, or the reason why there is none."""

    path: Path
    answer: Prediction | None = None
    error: str = ""
    problem: Problem | None = None


def as_table(outcomes: Sequence[Outcome]) -> Table:
    """Lay out the outcomes as a table for a terminal."""
    noted = any(outcome.problem or (outcome.answer and outcome.answer.notes) for outcome in outcomes)
    table = Table(["file", *ANSWER_HEADINGS, *(["notes"] if noted else [])])
    for outcome in outcomes:
        if outcome.answer is None:
            reason = outcome.problem.title if outcome.problem else outcome.error
            advice = [outcome.problem.detail] if outcome.problem else []
            table.add(str(outcome.path), Text("no answer", style="red"), "", reason, *advice)
            continue
        notes = [" ".join(outcome.answer.notes)] if outcome.answer.notes else []
        table.add(str(outcome.path), *answer_cells(outcome.answer), *notes)
    return table


def answer_cells(answer: Prediction) -> tuple[str | Text, str, Text]:
    """Write both levels for a table, in the columns of ``ANSWER_HEADINGS``.

    The side where triage is accepted, else its verdict (a dash without triage groups); the probability of malignant;
    and the whole in words, in the colour of the pattern's verdict.
    """
    triage, pattern = answer.triage, answer.prediction
    words = answer.summary or pattern.label or pattern.verdict.replace("_", " ")  # a service of before has no summary
    return _side(triage), _number(triage.probability if triage else None), _coloured(words, pattern.verdict)


def _side(triage: Triage | None) -> str | Text:
    if triage is None:
        return "-"
    text = triage.result if triage.result and triage.verdict == "accepted" else triage.verdict.replace("_", " ")
    return _coloured(text, triage.verdict)


def _number(probability: float | None) -> str:
    return "" if probability is None else f"{probability:.3f}"


def _coloured(text: str, verdict: Verdict) -> Text:
    return Text(text, style=VERDICT_STYLES[verdict])


def models_table(models: Sequence[ListedModel]) -> Table:
    """Make a table of a service's models to read."""
    table = Table(["model", "version", "classes", "triage", "digest"])
    for model in models:
        name = f"{model.name} (default)" if model.default else model.name
        if model.problem:
            table.add(name, "", Text(model.problem, style="red"))
            continue
        classes = ", ".join(each.name for each in model.classes)
        table.add(
            name, model.version or "", classes, "yes" if model.triage else "no", (model.sha256 or "")[:_DIGEST_SHOWN]
        )
    return table


def as_json(outcomes: Sequence[Outcome]) -> str:
    """Make a JSON array: one object a file, with ``answer`` or ``error``."""
    return json.dumps([_object(outcome) for outcome in outcomes], indent=2) + "\n"


def as_csv(outcomes: Sequence[Outcome]) -> str:
    """Make a CSV: one line a file, with a column of probability for every label."""
    labels = list(
        dict.fromkeys(k for outcome in outcomes if outcome.answer for k in outcome.answer.probabilities or ())
    )
    buffer = io.StringIO()
    columns = ["file", *ANSWER_COLUMNS, "error", "reason", *map(probability_column, labels)]
    writer = csv.DictWriter(buffer, columns, lineterminator="\n")
    writer.writeheader()
    writer.writerows(csv_cells(_line(outcome)) for outcome in outcomes)
    return buffer.getvalue()


def csv_cells(line: dict[str, Any]) -> dict[str, Any]:
    """Write each text of a line so that no spreadsheet takes it for a formula; numbers stay numbers."""
    return {name: in_csv(value) if isinstance(value, str) else value for name, value in line.items()}


def _object(outcome: Outcome) -> dict[str, Any]:
    file = {"file": str(outcome.path)}
    if outcome.answer is not None:
        return file | {"answer": outcome.answer.model_dump(mode="json", exclude={"explanation"})}
    problem = outcome.problem.model_dump(mode="json", exclude_none=True) if outcome.problem else None
    return file | {"error": outcome.error, "problem": problem}


def _line(outcome: Outcome) -> dict[str, Any]:
    if outcome.answer is None:
        return {
            "file": str(outcome.path),
            "error": outcome.error,
            "reason": outcome.problem.reason if outcome.problem else None,
        }
    return {"file": str(outcome.path), **answer_columns(outcome.answer)}


def probability_column(label: str) -> str:
    """Name the column of a label's probability."""
    return f"probability_{label}"


def answer_columns(answer: Prediction) -> dict[str, Any]:
    """Give an answer's values by column: those of ``ANSWER_COLUMNS``, and each label's probability."""
    triage, scale = answer.triage, answer.scale
    return {
        "triage": triage and triage.result,
        "triage_verdict": triage and triage.verdict,
        "triage_probability": triage and triage.probability,
        "summary": answer.summary,
        "label": answer.prediction.label,
        "probability": answer.prediction.probability,
        "verdict": answer.prediction.verdict,
        "malignant_probability": answer.malignant_probability,
        "prediction_set": " ".join(answer.prediction_set),
        "reason": answer.reason,
        "magnification": scale and scale.magnification,
        "tiles": str(len(answer.tiles)),
        "out_of_distribution_score": answer.out_of_distribution_score,
        "image_sha256": answer.image.sha256,
        "model_name": answer.model.name,
        "model_version": answer.model.version,
        "model_sha256": answer.model.sha256,
        "request_id": answer.request_id,
        "notes": " ".join(answer.notes),
        **{probability_column(label): value for label, value in (answer.probabilities or {}).items()},
    }
