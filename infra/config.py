"""What one environment may set: the types behind ``environments/*.toml``.

Every key is explained in ``environments/dev.toml``; an unknown key is refused. Limits cite the service that sets
them, so that a value that AWS would refuse after ten minutes of deploying is refused here at once.
"""

import re
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, field_validator, model_validator

EnvironmentName = Literal["dev", "staging", "prod"]
AccountId = Annotated[str, StringConstraints(pattern=r"^\d{12}$")]
Region = Annotated[str, StringConstraints(pattern=r"^[a-z]{2}(-[a-z]+)+-\d$")]
HttpsOrigin = Annotated[
    str, StringConstraints(pattern=r"^(https://[a-z0-9.-]+(:\d+)?|http://(localhost|127\.0\.0\.1):\d+)$")
]
SubnetId = Annotated[str, StringConstraints(pattern=r"^subnet-[0-9a-f]{8,17}$")]
SecurityGroupId = Annotated[str, StringConstraints(pattern=r"^sg-[0-9a-f]{8,17}$")]
RetentionDays = Literal[7, 14, 30, 90, 180, 365]


class Section(BaseModel):
    """Base of every table of an environment's file."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class Storage(Section):
    """Buckets and how long each keeps what."""

    uploads_expire_days: int = Field(ge=1, le=30)
    access_logs_expire_days: int = Field(ge=30, le=3650)
    noncurrent_versions_expire_days: int = Field(ge=1, le=3650)
    results_expire_days: int = Field(ge=1, le=3650)
    feedback_days: int = Field(ge=30, le=36_500)
    """What a record of feedback names as its last day; by then every version of it is gone."""

    @property
    def feedback_expires_days(self) -> int:
        """Give when feedback is deleted, so that what can be brought back of it is gone by its last day, too.

        S3 counts to the end of a day (UTC), twice: https://docs.aws.amazon.com/AmazonS3/latest/userguide/
        intro-lifecycle-rules.html#intro-lifecycle-rules-number-of-days.
        """
        return self.feedback_days - self.noncurrent_versions_expire_days - 2

    @model_validator(mode="after")
    def _guard_feedback(self) -> Self:
        """Refuse days that leave none between a label's coming and its going."""
        if self.feedback_expires_days < 1:
            raise ValueError(
                f"feedback_days: {self.feedback_days} must be at least 3 more than noncurrent_versions_expire_days "
                f"({self.noncurrent_versions_expire_days}), for which what was deleted can be brought back"
            )
        return self


class Page(Section):
    """Where people open the page."""

    urls: tuple[HttpsOrigin, ...] = Field(strict=False)
    """Origins, without a path: sign-in answers to them, and browsers on them may call the API (CORS)."""


class Identity(Section):
    """The user pool."""

    domain_prefix: Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9-]{1,61}[a-z0-9]$")]
    mfa: Literal["optional", "required"]

    @field_validator("domain_prefix")
    @classmethod
    def _refuse_reserved_words(cls, value: str) -> str:
        if any(word in value for word in ("aws", "amazon", "cognito")):
            raise ValueError("Cognito refuses the words aws, amazon and cognito here")
        return value


class Inference(Section):
    """The function that answers predictions."""

    architecture: Literal["arm64", "x86_64"]
    memory_mb: int = Field(ge=512, le=10_240)
    timeout_s: int = Field(ge=5, le=29)
    """API Gateway gives up after 30 s, so a longer timeout only bills for an answer that nobody gets."""
    provisioned_concurrency: int = Field(ge=0, le=1_000)
    reserved_concurrency: int | None = Field(default=None, ge=1, le=10_000)
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"]
    log_retention_days: RetentionDays


# MB for each CPU size: https://docs.aws.amazon.com/apprunner/latest/dg/manage-configure.html, and
# https://docs.aws.amazon.com/AmazonECS/latest/developerguide/fargate-tasks-services.html#fargate-tasks-size.
PAGE_SIZES: dict[str, dict[int, tuple[int, ...]]] = {
    "apprunner": {1024: (2048, 3072, 4096), 2048: (4096, 6144), 4096: (8192, 10_240, 12_288)},
    "ecs-express": {
        1024: tuple(range(2048, 8193, 1024)),
        2048: tuple(range(4096, 16_385, 1024)),
        4096: tuple(range(8192, 30_721, 1024)),
    },
}


class Frontend(Section):
    """Where the page runs."""

    host: Literal["apprunner", "ecs-express", "none"]
    cpu: Literal[1024, 2048, 4096]
    memory_mb: int

    @model_validator(mode="after")
    def _guard_size(self) -> Self:
        """Refuse a memory that the host does not offer with that CPU."""
        sizes = PAGE_SIZES.get(self.host, {}).get(self.cpu, (self.memory_mb,))
        if self.memory_mb not in sizes:
            offered = ", ".join(map(str, sizes))
            raise ValueError(f"memory_mb: {self.host} offers {offered} MB with cpu = {self.cpu}, not {self.memory_mb}")
        return self


class TrainingNetwork(Section):
    """The subnets of a VPC that training jobs run in."""

    subnet_ids: Annotated[tuple[SubnetId, ...], Field(strict=False, min_length=1, max_length=16)]
    security_group_ids: Annotated[tuple[SecurityGroupId, ...], Field(strict=False, min_length=1, max_length=5)]


class MlflowServer(Section):
    """An MLflow server that was there before, in place of a SageMaker MLflow App."""

    uri: Annotated[str, StringConstraints(pattern=r"^https://[^\s/]+(/\S*)?$")]
    secret_arn: Annotated[
        str, StringConstraints(pattern=r"^arn:aws[a-z-]*:secretsmanager:[a-z0-9-]+:\d{12}:secret:[\w/+=.@-]+$")
    ]
    """A secret whose value is JSON: ``{"username": ..., "password": ...}``, or ``{"token": ...}``."""


class Training(Section):
    """SageMaker training, tracked in a SageMaker MLflow App or in an MLflow server by URI."""

    enabled: bool
    instance_type: Annotated[str, StringConstraints(pattern=r"^ml\.[a-z0-9-]+\.[a-z0-9]+$")]
    image: Literal["aws", "own"]
    """AWS's TensorFlow image with our requirements installed when a job starts, or ours out of Dockerfile.training."""
    monthly_budget_usd: int = Field(ge=1, le=1_000_000)
    log_retention_days: RetentionDays
    network_isolation: bool
    network: TrainingNetwork | None = None
    mlflow: MlflowServer | None = None

    @model_validator(mode="after")
    def _guard_image(self) -> Self:
        """Refuse what needs a network in a job that has none, and a GPU for an image that does not use it."""
        if self.image == "own" and self.instance_type.startswith(("ml.g", "ml.p")):
            raise ValueError(
                f'instance_type: {self.instance_type} has a GPU, which image = "own" does not use: take "aws", or '
                "an ml.m or ml.c instance"
            )
        if self.network_isolation and self.image == "aws":
            raise ValueError(
                'network_isolation: true needs image = "own", since AWS\'s image installs our packages over the network'
            )
        if self.network_isolation and self.mlflow:
            raise ValueError("network_isolation: a job without a network reaches no mlflow.uri: leave one of both out")
        return self


class Model(Section):
    """Another model than the shipped one."""

    uri: Annotated[str, StringConstraints(pattern=r"^(s3://[a-z0-9.-]+/.+|file:///.+)$")]
    """A folder that holds ``model.tflite`` and its card, ``model.json``."""
    sha256: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]


class Delivery(Section):
    """What GitHub Actions of one repository may do."""

    repository: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_.-]+/[A-Za-z0-9_.-]+$")]
    owner_id: int | None = Field(default=None, ge=1)
    repository_id: int | None = Field(default=None, ge=1)
    """GitHub's own numbers of owner and repository, which tokens of repositories made since 2026-07-15 carry.

    They may stand in ``repository`` as well, as such a token has them: ``owner@1/name@2``.
    """
    creates_provider: bool
    """An account has one OIDC provider for GitHub; the first environment in it makes it."""
    builds_image: bool
    """Whether the image that every environment runs is published from here."""
    pull_accounts: tuple[AccountId, ...] = Field(strict=False)

    @model_validator(mode="before")
    @classmethod
    def _read_numbers(cls, values: object) -> object:
        """Take ``owner@1/name@2`` apart; numbers that are given twice must agree."""
        if not isinstance(values, dict) or not isinstance(repository := values.get("repository"), str):
            return values
        if (match := re.fullmatch(r"([^@/]+)@([1-9]\d*)/([^@/]+)@([1-9]\d*)", repository)) is None:
            return values
        numbers = {"owner_id": int(match[2]), "repository_id": int(match[4])}
        for key, number in numbers.items():
            if values.get(key, number) != number:
                raise ValueError(f"{key}: {values[key]} here and {number} in repository: make them agree")
        return {**values, **numbers, "repository": f"{match[1]}/{match[3]}"}

    @model_validator(mode="after")
    def _guard_ids(self) -> Self:
        """Refuse one number without the other: a token carries both or none."""
        if (self.owner_id is None) != (self.repository_id is None):
            raise ValueError(
                "owner_id and repository_id: give both or neither (docs/delivery.md says how to find them)"
            )
        return self

    def subjects(self, suffix: str) -> list[str]:
        """Give the subjects of a kind of job: by names alone, and by names and numbers.

        Parameters
        ----------
        suffix
            ``environment:dev``, ``pull_request``.
        """
        by_name = [f"repo:{self.repository}:{suffix}"]
        if self.owner_id is None:
            return by_name
        owner, name = self.repository.split("/")
        return [*by_name, f"repo:{owner}@{self.owner_id}/{name}@{self.repository_id}:{suffix}"]


class Domain(Section):
    """A name of one's own for the API."""

    name: Annotated[str, StringConstraints(pattern=r"^([a-z0-9-]+\.)+[a-z]{2,}$")]
    certificate_arn: Annotated[str, StringConstraints(pattern=r"^arn:aws[a-z-]*:acm:[a-z0-9-]+:\d{12}:certificate/.+$")]


class Api(Section):
    """The HTTP API in front of the function."""

    requests_per_second: int = Field(ge=1, le=10_000)
    burst: int = Field(ge=1, le=5_000)
    domain: Domain | None = None


class Release(Section):
    """How a new version takes over."""

    strategy: Literal["all-at-once", "canary-10-percent-5-minutes", "canary-10-percent-15-minutes"]


class Batch(Section):
    """Classification of everything below an S3 prefix."""

    items_per_batch: int = Field(ge=1, le=1_000)
    max_concurrency: int = Field(ge=1, le=10_000)
    tolerated_failure_percentage: int = Field(ge=0, le=100)
    timeout_s: int = Field(ge=30, le=290)
    """A child execution is of the Express kind, which ends after 300 s."""


class Objectives(Section):
    """What the service promises over a month; alarms tell when its errors are used up too fast."""

    available_percent: float = Field(gt=90, lt=100)
    fast_percent: float = Field(gt=90, lt=100)
    fast_ms: int = Field(ge=100, le=30_000)


class Monitoring(Section):
    """When somebody is told, and who."""

    email: Annotated[str, StringConstraints(pattern=r"^[^@\s]+@[^@\s]+\.[^@\s]+$")] | None = None
    server_errors: int = Field(ge=0)
    p99_latency_ms: int = Field(ge=100, le=30_000)
    out_of_distribution_percent: float = Field(gt=0, le=100)
    monthly_budget_usd: int = Field(ge=1, le=1_000_000)
    canary_minutes: int = Field(default=0, ge=0, le=60)
    """How often a field is sent through the API to see that it answers as before; 0 sends none."""
    objectives: Objectives


class Environment(Section):
    """One deployment of the whole system."""

    name: EnvironmentName
    account: AccountId | None = None
    region: Region
    deletion_protection: bool
    page: Page
    storage: Storage
    identity: Identity
    inference: Inference
    api: Api
    release: Release
    batch: Batch
    monitoring: Monitoring
    frontend: Frontend
    training: Training
    model: Model | None = None
    delivery: Delivery | None = None

    @property
    def title(self) -> str:
        """Give the name as it stands in stack names: ``dev`` is ``Dev``."""
        return self.name.capitalize()

    @model_validator(mode="after")
    def _guard_people(self) -> Self:
        """Refuse what is fine for a test and wrong where people and production are."""
        if self.name != "prod":
            return self
        if not self.deletion_protection:
            raise ValueError("deletion_protection: prod needs true, so that no single command deletes it")
        if self.identity.mfa != "required":
            raise ValueError('identity.mfa: prod needs "required"')
        if local := [url for url in self.page.urls if url.startswith("http://")]:
            raise ValueError(f"page.urls: prod takes https:// only, not {local[0]}")
        return self
