"""Writes one audit line and a few metrics for a prediction: never a file name, an image byte or a token."""

import os
import traceback
from typing import Final

from aws_lambda_powertools.logging import Logger
from aws_lambda_powertools.metrics import Metrics, MetricUnit

from inference import Answer, Classifier

# Powertools' own variable: the function's name where it is deployed, so that environments can share an account.
SERVICE: Final = os.environ.get("POWERTOOLS_SERVICE_NAME", "leukolens")
NAMESPACE: Final = "Leukolens"
NO_LABEL: Final = "none"
"""What ``PredictionCount`` is counted under where a field is out of distribution, and so has no label."""

logger = Logger(service=SERVICE)
_metrics = Metrics(service=SERVICE, namespace=NAMESPACE)


class ColdStart:
    """True for the first prediction of a process, then false."""

    def __init__(self) -> None:
        self._first = True

    def take(self) -> bool:
        """Tell whether this is the first call."""
        first, self._first = self._first, False
        return first


def audit(answer: Answer, classifier: Classifier, request_id: str, *, size_bytes: int, cold_start: bool) -> None:
    """Write the audit line of one prediction: the request, the model and the answer."""
    card, picture, timings, triage = classifier.card, answer.picture, answer.timings, answer.triage
    logger.info(
        "prediction",
        extra={
            "request_id": request_id,
            "image": {
                "sha256": picture.sha256,
                "bytes": size_bytes,
                "width": picture.width,
                "height": picture.height,
                "format": picture.format,
                "frames": picture.frames,
            },
            "model": {"version": card.version, "sha256": classifier.digest},
            "thresholds": {
                "minimum_probability": card.prediction_set.minimum_probability,
                "out_of_distribution": card.out_of_distribution.threshold,
            },
            "triage": None if triage is None else vars(triage),
            "label": answer.label,
            "probability": answer.probability,
            "verdict": answer.verdict,
            "out_of_distribution_score": answer.out_of_distribution_score,
            "timings_ms": {
                "decode": round(timings.decode_ms, 2),
                "inference": round(timings.inference_ms, 2),
                "explain": round(timings.explain_ms, 2),
            },
            "cold_start": cold_start,
        },
    )


def measure(answer: Answer, *, cold_start: bool) -> None:
    """Publish the metrics of one prediction, in CloudWatch's embedded metric format.

    ``PredictionCount`` has dimensions ``label`` and ``verdict``, and ``TriageCount`` has ``triage`` (a side, or the
    verdict that stands for none), so that a shift of either shows; the others have the service alone.
    """
    _metrics.add_dimension("label", answer.label or NO_LABEL)
    _metrics.add_dimension("verdict", answer.verdict)
    _metrics.add_metric("PredictionCount", MetricUnit.Count, 1)
    _flush()
    if answer.triage is not None:
        _metrics.add_dimension("triage", side_of(answer.triage.result, answer.triage.verdict))
        _metrics.add_metric("TriageCount", MetricUnit.Count, 1)
        _flush()
    _metrics.add_metric("DecodeLatency", MetricUnit.Milliseconds, answer.timings.decode_ms)
    _metrics.add_metric("InferenceLatency", MetricUnit.Milliseconds, answer.timings.inference_ms)
    _metrics.add_metric("OutOfDistributionScore", MetricUnit.NoUnit, answer.out_of_distribution_score)
    # 0 or 100 a prediction, so that the average is the share: an alarm cannot divide two counts of many dimensions.
    strange = 100.0 if answer.verdict == "out_of_distribution" else 0.0
    _metrics.add_metric("OutOfDistribution", MetricUnit.Percent, strange)
    _metrics.add_metric("ColdStart", MetricUnit.Count, int(cold_start))
    _flush()


def side_of(result: str | None, verdict: str) -> str:
    """Name the count that a triage adds to: its side if accepted, else the verdict."""
    return result if result and verdict == "accepted" else verdict


def _flush() -> None:
    _metrics.flush_metrics()
    _metrics.clear_metrics()  # flushing leaves them where metrics are disabled


def report_refusal(name: str, status: int, request_id: str) -> None:
    """Log a request that was answered with a problem."""
    logger.info("problem", extra={"request_id": request_id, "problem": name, "status": status})


def report_failure(error: BaseException, request_id: str) -> None:
    """Log an unexpected error: its type and traceback, not its message, which may quote what was sent."""
    stack = traceback.format_tb(error.__traceback__)
    logger.error("failure", extra={"request_id": request_id, "error": type(error).__name__, "place": stack})
