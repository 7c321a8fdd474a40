"""What travels over HTTP: one set of models for the API, its client and the page.

Imports nothing but pydantic and the standard library, so that the page's image holds no inference code.
Requests refuse unknown fields; answers accept them, so that an older client lives with a newer service.
"""

from datetime import datetime
from typing import Annotated, Any, Final, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

RESEARCH_USE_WARNING = (
    "Research use only. This is triage, not a diagnosis: the subtype of a leukaemia is settled by flow cytometry."
)
CONSENT_VERSION = "2026-11"
"""Of the text below; a change of its words is a new version, and both stay known in docs/privacy."""
CONSENT_TEXT = (
    "The image may be kept and used to train the model. Nothing in it tells who the patient is, and I am allowed to "
    "give it."
)
MAX_UPLOAD_BYTES = 25_000_000
"""Of one file that goes through an upload, unless a deployment allows less."""
PROBLEM_TYPE_PREFIX = "urn:leukolens:problem:"
ImageType = Literal[
    "image/jpeg",
    "image/png",
    "image/tiff",
    "image/bmp",
    "image/webp",
    "image/heic",
    "image/avif",
    "image/jp2",
    "application/dicom",
    "application/octet-stream",
    "binary/octet-stream",
]
IMAGE_TYPES: tuple[ImageType, ...] = get_args(ImageType)
"""Media types of a body or an upload; the last two say nothing (S3's own default is one), and the bytes tell."""
MICRONS_PER_PIXEL = (0.01, 100.0)
"""Least and most of ``?microns_per_pixel=``: from a 100x objective on a fine sensor to a slide photographed whole."""
MAX_REPORT_FIELDS = 2_000
"""Fields of one specimen in one report; a manual differential reads far fewer."""

TriageGroup = Literal["malignant", "benign"]
Verdict = Literal["accepted", "uncertain", "out_of_distribution"]
Probability = Annotated[float, Field(ge=0.0, le=1.0)]
Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
UploadId = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{32}$")]
RequestId = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9_=-]{0,127}$")]
"""The ``request_id`` of an answer; safe as part of an S3 key."""
Label = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$")]
"""The id of a class; which there are, the model's card says."""
OTHER: Final = "Other"
"""A reviewer's label for a field that is none of the model's classes."""


class Answer(BaseModel):
    """Base of what the service sends."""

    model_config = ConfigDict(extra="ignore")


class Request(BaseModel):
    """Base of what a caller sends; an unknown field is an error, named, and so is a value of another type.

    Strict: consent is given by ``true`` alone, never by ``"on"`` or ``1``.
    """

    model_config = ConfigDict(extra="forbid", strict=True)


# --- POST /v1/predictions ----------------------------------------------------------------------


class StoredImage(Request):
    """Body of a prediction for an image that went through an upload."""

    upload_id: UploadId


class Triage(Answer):
    """The first level: malignant or benign. Rely on an accepted one alone."""

    result: TriageGroup | None = Field(default=None, description="The more probable side; null out of distribution.")
    probability: Probability | None = Field(
        default=None, description="That the field is malignant, whatever the result; null out of distribution."
    )
    verdict: Verdict


class Decision(Answer):
    """The second level, the pattern: the most probable label, and whether to rely on it."""

    label: Label | None = Field(default=None, description="One of the model's labels; null out of distribution.")
    probability: Probability | None = Field(default=None, description="Of the label; null out of distribution.")
    verdict: Verdict


class Explanation(Answer):
    """Where the model looked: class activation of the predicted label."""

    heatmap_png: str = Field(description="Base64 PNG of the size of the image as oriented; bright is strong evidence.")


class ModelIdentity(Answer):
    """Which model answered."""

    version: str
    sha256: Sha256 = Field(description="One digest over the model's file and its card.")
    name: str = Field(default="", description="As ``?model=`` and ``GET /v1/models`` call it.")


class Scale(Answer):
    """The field's magnification relative to the trained one, as the field came: 0.5 where cells look half as large."""

    magnification: float
    source: Literal["given", "file", "estimated"] = Field(
        description="Pixel size given with the request, pixel size of the file, or what the network estimates."
    )


class Tile(Answer):
    """One part of a wide field, of the trained size: its place in pixels of the image as oriented, and its answer."""

    x: int
    y: int
    width: int
    height: int
    triage: Triage | None = None
    prediction: Decision
    probabilities: dict[str, Probability] | None = None
    prediction_set: list[str] = []
    out_of_distribution_score: float
    summary: str = ""
    reason: str | None = None


class ImageOrigin(Answer):
    """What a file says of its picture, and what of it was read."""

    format: str = Field(description="JPEG, PNG, TIFF, BMP, WEBP, HEIF, AVIF, JPEG2000 or DICOM.")
    bits: int = Field(description="Of a sample, as stored.")
    colour_model: str = Field(description="RGB, YCbCr, grey, palette, CMYK, or channels that were put together.")
    profile: str | None = Field(default=None, description="Name of the colour profile that was applied.")
    frame: int = Field(default=0, description="Index of the frame, page or level that was read.")
    orientation: int = Field(default=1, description="EXIF orientation that was applied; 1 is upright.")
    value_range: tuple[int, int] | None = Field(
        default=None, description="Samples that became black and white, where not all that the bits can hold."
    )
    microns_per_pixel: float | None = Field(default=None, description="Where the file tells it as a microscope does.")


class ImageFacts(Answer):
    """What was read: sizes in pixels, after the EXIF orientation; one frame is classified."""

    sha256: Sha256
    width: int
    height: int
    format: str
    frames: int = 1
    source: ImageOrigin | None = None
    microns_per_pixel: float | None = Field(default=None, description="As the file tells it; null where it does not.")


class Prediction(Answer):
    """Answer of ``POST /v1/predictions``: triage first, then the pattern.

    Where a field is out of distribution, no number is told of it but its score: a caller cannot take for a finding what
    the model does not stand by.
    """

    triage: Triage | None = Field(
        default=None, description="Null for a model whose classes have no malignant and benign groups."
    )
    prediction: Decision
    summary: str = Field(default="", description="Both levels in words, such as: malignant; early pre-B or pre-B.")
    reason: str | None = Field(default=None, description="Why not accepted, in words; null where both levels are.")
    probabilities: dict[str, Probability] | None = Field(
        default=None, description="By label, calibrated; null out of distribution."
    )
    malignant_probability: Probability | None = Field(
        default=None, description="Sum over the malignant labels; null out of distribution, and without triage."
    )
    prediction_set: list[str] = Field(description="Labels that are possible; empty out of distribution.")
    out_of_distribution_score: float
    scale: Scale | None = Field(default=None, description="Null where it is neither known nor estimated.")
    tiles: list[Tile] = Field(
        default=[], description="The parts of a wide field that was brought to scale; empty for one answered whole."
    )
    explanation: Explanation | None = None
    model: ModelIdentity
    image: ImageFacts
    notes: list[str] = Field(default=[], description="What a reader should know of the image, such as unread frames.")
    request_id: str
    warning: str = RESEARCH_USE_WARNING


# --- POST /v1/uploads --------------------------------------------------------------------------


class UploadRequest(Request):
    """Asks for a place to put one image that is too large for a request body."""

    content_type: ImageType
    size_bytes: int = Field(
        ge=1,
        description="Exact size of the file; the upload is refused at any other.",
        json_schema_extra={"maximum": MAX_UPLOAD_BYTES},
    )


class UploadTicket(Answer):
    """A presigned S3 POST: send ``fields`` and then the file, in field ``file``, to ``url`` before it expires."""

    upload_id: UploadId
    url: str
    fields: dict[str, str]
    expires_at: datetime
    max_bytes: int


# --- POST /v1/feedback -------------------------------------------------------------------------


class FeedbackRequest(Request):
    """A reviewer's label for an answered request; the image comes only with consent."""

    request_id: RequestId
    label: Label = Field(description="One of the model's labels, or 'Other' for a field that is none of them.")
    own_class: bool = Field(
        default=False, description="The label is a class of the laboratory's own, which the model does not know."
    )
    specimen: str | None = Field(
        default=None, max_length=200, description="What the field is of, as the laboratory calls it; no person's name."
    )
    reviewer: str | None = Field(default=None, max_length=200)
    comment: str | None = Field(default=None, max_length=4_000)
    consent: bool = Field(default=False, description=f"{CONSENT_TEXT} (Version {CONSENT_VERSION}.)")
    consent_version: str | None = Field(
        default=None,
        max_length=20,
        description=f"Of the text that the reviewer read; {CONSENT_VERSION}, that of `consent` here, where left out.",
    )
    image_base64: str | None = Field(default=None, description="The image; refused without consent.")
    upload_id: UploadId | None = Field(
        default=None, description="The image, put through an upload; refused without consent."
    )


class FeedbackReceipt(Answer):
    """Answer of ``POST /v1/feedback``: 201 when first stored, 200 for the same feedback again."""

    request_id: str
    label: str
    image_kept: bool
    already_stored: bool


# --- POST /v1/reports --------------------------------------------------------------------------


class ReportTriage(Request):
    """The first level of one field's prediction."""

    result: TriageGroup | None = None
    verdict: Verdict


class ReportField(Request):
    """What a report needs of one field's prediction."""

    image_sha256: Sha256
    label: Label | None = Field(default=None, description="Null where the field is out of distribution.")
    verdict: Verdict
    triage: ReportTriage | None = Field(
        default=None, description="Of the prediction. Without it, the label's group and the verdict stand for it."
    )


class ReportRequest(Request):
    """Predictions of the fields of one specimen, all by the same model."""

    model_sha256: Sha256
    fields: list[ReportField] = Field(min_length=1, max_length=MAX_REPORT_FIELDS)


class Share(Answer):
    """A share of the accepted fields with its 95 % Wilson score interval over fields."""

    count: int
    share: Probability
    low: Probability
    high: Probability


class Report(Answer):
    """Answer of ``POST /v1/reports``: counts over a specimen's fields, never a diagnosis.

    It rests on triage: ``accepted``, ``uncertain`` and ``malignant`` are of the first level (of the pattern, for a
    model without triage groups). Fields out of distribution count in no share.
    """

    evidence: Literal["sufficient", "insufficient"]
    reason: str
    minimum_accepted_fields: int
    fields: int = Field(description="Distinct images; the same image sent twice counts once.")
    duplicates: int
    accepted: int = Field(description="Fields of an accepted triage.")
    uncertain: int
    out_of_distribution: int
    patterns_accepted: int = Field(default=0, description="Fields whose pattern is accepted, too.")
    labels: dict[str, Share] = Field(description="Share of each label among the fields with an accepted pattern.")
    malignant: Share | None = Field(
        description="Share of malignant among the fields of an accepted triage; null without one, and without triage."
    )
    limits: str = Field(default="", description="What one specimen can prove and what it cannot, in words.")
    model: ModelIdentity
    request_id: str
    warning: str = RESEARCH_USE_WARNING


# --- GET /v1/model, /v1/health -----------------------------------------------------------------


class ModelClass(Answer):
    """One class of a model, as its card tells it."""

    id: Label
    name: str = Field(description="What a reader is shown, as within a sentence.")
    description: str = ""
    triage: TriageGroup | None = Field(default=None, description="The side that it counts to; null for neither.")
    colour: str | None = Field(default=None, description="#rrggbb for charts; null leaves it to whoever draws.")
    aliases: list[str] = []


class PredictionSetRule(Answer):
    """A label is in the prediction set when its probability reaches its minimum."""

    method: str
    target_coverage: float
    minimum_probability: float = Field(description="The least of all labels' minimums.")
    minimum_probabilities: dict[str, float] = Field(default={}, description="By label.")


class TriageRule(Answer):
    """How malignant is told from benign: accepted at and beyond either threshold of the calibrated probability."""

    method: str
    reference: str = ""
    malignant_minimum: Probability
    benign_maximum: Probability
    guarantee: str = ""


class ScaleRule(Answer):
    """Which magnifications the model knows, relative to the trained one."""

    method: str
    reference: str = ""
    minimum: float
    maximum: float
    microns_per_pixel: float | None = Field(
        default=None, description="Of the model's input at the trained magnification, where known."
    )


class OutOfDistributionRule(Answer):
    """A score above the threshold is not a smear that the model knows."""

    method: str
    threshold: float


class ModelSummary(BaseModel):
    """Answer of ``GET /v1/model``: the model's card. Fields beyond these are kept as they come."""

    model_config = ConfigDict(extra="allow")

    name: str
    version: str
    sha256: Sha256 = Field(description="Of the model file alone.")
    digest: Sha256 | None = Field(default=None, description="Over file and card, as every answer names it.")
    model_name: str = Field(default="", description="As ``?model=`` calls it.")
    size_bytes: int
    license: str
    backbone: str
    precision: str
    labels: list[str]
    malignant_labels: list[str]
    classes: list[ModelClass] = []
    prediction_set: PredictionSetRule
    triage: TriageRule | None = None
    scale: ScaleRule | None = None
    out_of_distribution: OutOfDistributionRule
    intended_use: str
    misuse: str
    training: dict[str, Any] = {}
    evaluation: dict[str, Any] = {}


class ListedModel(Answer):
    """One model of this service."""

    name: str
    default: bool = Field(description="Whether it answers where ``?model=`` names none.")
    version: str | None = None
    sha256: Sha256 | None = Field(default=None, description="Over file and card, as its answers name it.")
    classes: list[ModelClass] = []
    triage: bool = Field(default=False, description="Whether it tells malignant from benign.")
    intended_use: str = ""
    problem: str | None = Field(default=None, description="Why it cannot be used; null where it can.")


class ModelList(Answer):
    """Answer of ``GET /v1/models``: the default first."""

    models: list[ListedModel]


class DeepCheck(Answer):
    """One whole inference on a grey field, made by ``?deep=true``."""

    label: str
    duration_ms: float


class Health(Answer):
    """Answer of ``GET /v1/health``."""

    status: Literal["ok"]
    model: ModelIdentity
    deep: DeepCheck | None = None


# --- Errors ------------------------------------------------------------------------------------


class FieldError(Answer):
    """One field of a request that is not as the schema says."""

    field: str
    message: str


class Problem(Answer):
    """Every error, as ``application/problem+json`` (RFC 9457)."""

    type: str = Field(description="Stable: urn:leukolens:problem:<name>; docs/api.md lists them.")
    title: str
    status: int
    detail: str
    reason: str | None = Field(
        default=None, description="Stable code of what is wrong with an image; docs/api.md lists them."
    )
    instance: str | None = None
    request_id: str | None = None
    errors: list[FieldError] = []


# --- Batches over an S3 prefix -----------------------------------------------------------------


class BatchLine(Answer):
    """One line of a batch's results: an image's prediction, or why there is none."""

    key: str
    prediction: Prediction | None = None
    problem: Problem | None = None


class BatchSummary(Answer):
    """The sum over a batch: ``<folder>/summary.json``, and the output of the execution."""

    folder: str
    images: int = 0
    problems: int = Field(default=0, description="Images that are no image, or none that the service reads.")
    calls: int = 0
    failed_calls: int = Field(default=0, description="Calls of the function that failed; their images have no line.")
    triage: dict[str, int] = Field(
        default={}, description="Images of an accepted triage by side, the others by its verdict."
    )
    labels: dict[str, int] = Field(default={}, description="Images by most probable label, accepted or not.")
    verdicts: dict[str, int] = Field(default={}, description="Images by verdict of the pattern.")
