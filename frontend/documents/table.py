"""The fields of a specimen as CSV."""

import csv
import io
from collections.abc import Sequence

from frontend.documents.specimen import accepted_label
from frontend.workspace import SmearField
from untrusted import in_csv


def write(fields: Sequence[SmearField]) -> bytes:
    """Write a table with one row for each field.

    Parameters
    ----------
    fields : Sequence[SmearField]
        Answered fields, in the order of the report.

    Returns
    -------
    bytes
        UTF-8 with a byte order mark, which Excel needs to read it as such. Columns have the API's names; a number that
        the model does not tell is left empty.
    """
    labels = next((list(field.answer.probabilities) for field in fields if field.answer.probabilities), [])
    buffer = io.StringIO()
    writer = csv.writer(buffer)
    writer.writerow(
        [
            *("field", "file", "synthetic", "triage", "triage_verdict", "verdict", "label", "possible_labels"),
            *(f"probability_{label}" for label in labels),
            *("malignant_probability", "out_of_distribution_score", "reason", "image_sha256", "width_px", "height_px"),
            *("model_version", "model_sha256", "request_id"),
            *("reader_label", "reader", "reader_comment", "reader_time", "stored", "note", "research_use"),
        ]
    )
    for field in fields:
        writer.writerow([in_csv(cell) if isinstance(cell, str) else cell for cell in _row(field, labels)])
    return buffer.getvalue().encode("utf-8-sig")


def _row(field: SmearField, labels: list[str]) -> list[object]:
    answer, review = field.answer, field.review
    probabilities = answer.probabilities or {}
    triage = answer.triage if answer.triage and answer.triage.verdict == "accepted" else None
    return [
        *(field.number, field.name, "yes" if field.synthetic else "no"),
        *(triage.result if triage else "", answer.triage.verdict if answer.triage else ""),
        *(answer.prediction.verdict, accepted_label(field) or "", " ".join(answer.prediction_set)),
        *(_number(probabilities.get(label)) for label in labels),
        *(_number(answer.malignant_probability), f"{answer.out_of_distribution_score:.6g}", answer.reason or ""),
        *(answer.image.sha256, answer.image.width, answer.image.height),
        *(answer.model.version, answer.model.sha256, answer.request_id),
        *((review.label, review.reviewer, review.comment) if review else ("", "", "")),
        *((f"{review.at:%Y-%m-%dT%H:%M:%SZ}", "yes" if review.sent else "no") if review else ("", "")),
        *(field.note, answer.warning),
    ]


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.6f}"
