"""The answers as release 1.3.0 of the client reads them: a copy of its schemas, to see that it still can.

Only what it read is here; it passed over fields that it did not know, as these do.
"""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

Verdict = Literal["accepted", "uncertain", "out_of_distribution"]
Probability = Annotated[float, Field(ge=0.0, le=1.0)]
Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
Label = Annotated[str, StringConstraints(pattern=r"^[A-Za-z][A-Za-z0-9_-]{0,63}$")]


class Answer(BaseModel):
    model_config = ConfigDict(extra="ignore")


class Decision(Answer):
    label: Label
    probability: Probability
    verdict: Verdict


class Explanation(Answer):
    heatmap_png: str


class ModelIdentity(Answer):
    version: str
    sha256: Sha256


class ImageFacts(Answer):
    sha256: Sha256
    width: int
    height: int
    format: str
    frames: int = 1


class Prediction(Answer):
    prediction: Decision
    probabilities: dict[str, Probability]
    malignant_probability: Probability
    prediction_set: list[str]
    out_of_distribution_score: float
    explanation: Explanation | None = None
    model: ModelIdentity
    image: ImageFacts
    notes: list[str] = []
    request_id: str
    warning: str


class Share(Answer):
    count: int
    share: Probability
    low: Probability
    high: Probability


class Report(Answer):
    evidence: Literal["sufficient", "insufficient"]
    reason: str
    minimum_accepted_fields: int
    fields: int
    duplicates: int
    accepted: int
    uncertain: int
    out_of_distribution: int
    labels: dict[str, Share]
    malignant: Share | None
    model: ModelIdentity
    request_id: str
    warning: str


class PredictionSetRule(Answer):
    method: str
    target_coverage: float
    minimum_probability: float


class OutOfDistributionRule(Answer):
    method: str
    threshold: float


class ModelSummary(BaseModel):
    model_config = ConfigDict(extra="allow")

    name: str
    version: str
    sha256: Sha256
    size_bytes: int
    license: str
    backbone: str
    precision: str
    labels: list[str]
    malignant_labels: list[str]
    prediction_set: PredictionSetRule
    out_of_distribution: OutOfDistributionRule
    intended_use: str
    misuse: str
    training: dict[str, Any] = {}
    evaluation: dict[str, Any] = {}


class DeepCheck(Answer):
    label: str
    duration_ms: float


class Health(Answer):
    status: Literal["ok"]
    model: ModelIdentity
    deep: DeepCheck | None = None


class BatchSummary(Answer):
    folder: str
    images: int = 0
    problems: int = 0
    calls: int = 0
    failed_calls: int = 0
    labels: dict[str, int] = {}
    verdicts: dict[str, int] = {}
