"""An answer of the model in the API's terms. Knows no HTTP: a model that MLflow serves says the same by this file."""

import base64
from dataclasses import asdict

from inference import Answer, Classifier, Decision

from . import schemas


def identity(classifier: Classifier) -> schemas.ModelIdentity:
    """Name the model of an answer."""
    return schemas.ModelIdentity(version=classifier.card.version, sha256=classifier.digest, name=classifier.name)


def as_prediction(answer: Answer, classifier: Classifier, request_id: str) -> schemas.Prediction:
    """Put an answer into the API's terms."""
    picture = answer.picture
    explanation = None
    if answer.heatmap_png is not None:
        explanation = schemas.Explanation(heatmap_png=base64.b64encode(answer.heatmap_png).decode("ascii"))
    scale = answer.magnification
    return schemas.Prediction(
        triage=_triage(answer),
        prediction=_pattern(answer),
        summary=answer.summary,
        reason=answer.reason,
        scale=None if scale is None else schemas.Scale(magnification=scale.value, source=scale.source),
        tiles=[
            schemas.Tile(
                x=tile.x,
                y=tile.y,
                width=tile.width,
                height=tile.height,
                triage=_triage(tile.decision),
                prediction=_pattern(tile.decision),
                probabilities=tile.decision.probabilities,
                prediction_set=list(tile.decision.prediction_set),
                out_of_distribution_score=tile.out_of_distribution_score,
                summary=tile.decision.summary,
                reason=tile.decision.reason,
            )
            for tile in answer.tiles
        ],
        probabilities=answer.probabilities,
        malignant_probability=answer.malignant_probability,
        prediction_set=list(answer.prediction_set),
        out_of_distribution_score=answer.out_of_distribution_score,
        explanation=explanation,
        model=identity(classifier),
        image=schemas.ImageFacts(
            sha256=picture.sha256,
            width=picture.width,
            height=picture.height,
            format=picture.format,
            frames=picture.frames,
            source=schemas.ImageOrigin(**asdict(picture.source)),
            microns_per_pixel=picture.microns_per_pixel,
        ),
        notes=[*answer.notes, *picture.notes],
        request_id=request_id,
    )


def _pattern(decision: Decision) -> schemas.Decision:
    return schemas.Decision(label=decision.label, probability=decision.probability, verdict=decision.verdict)


def _triage(decision: Decision) -> schemas.Triage | None:
    triage = decision.triage
    if triage is None:
        return None
    return schemas.Triage(result=triage.result, probability=triage.probability, verdict=triage.verdict)
