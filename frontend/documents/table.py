"""The fields of a specimen as CSV."""

import csv
import io
from collections.abc import Sequence

from frontend.workspace import SmearField
from untrusted import in_csv


def write(fields: Sequence[SmearField]) -> bytes:
    """Write one row a field.

    Parameters
    ----------
    fields : Sequence[SmearField]
        Answered fields, in the order of the report.

    Returns
    -------
    bytes
        UTF-8 with a byte order mark, which Excel needs to read it as such.
    """
    labels = list(dict.fromkeys(label for field in fields for label in field.answer.probabilities or ()))
    buffer = io.StringIO()
    writer = csv.writer(buffer)
    writer.writerow(
        [
            *("field", "file", "synthetic", "verdict", "label", "possible_labels"),
            *(f"probability_{label}" for label in labels),
            *("malignant_probability", "out_of_distribution_score", "image_sha256", "width_px", "height_px"),
            *("model_version", "model_sha256", "request_id", "reviewed_label", "research_use"),
        ]
    )
    for number, field in enumerate(fields, 1):
        answer = field.answer
        accepted = answer.prediction.verdict == "accepted"
        writer.writerow(
            [
                *(number, in_csv(field.name), "yes" if field.synthetic else "no"),
                *(answer.prediction.verdict, answer.prediction.label if accepted else ""),
                " ".join(answer.prediction_set),
                *(_number((answer.probabilities or {}).get(label)) for label in labels),
                *(_number(answer.malignant_probability), f"{answer.out_of_distribution_score:.6g}"),
                *(answer.image.sha256, answer.image.width, answer.image.height),
                *(answer.model.version, answer.model.sha256, answer.request_id, field.reviewed or "", answer.warning),
            ]
        )
    return buffer.getvalue().encode("utf-8-sig")


def _number(probability: float | None) -> str:
    return "" if probability is None else f"{probability:.6f}"
