"""What is to be trained and on what: a plan, made from options, written down before anything is started."""

import itertools
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

OBJECTIVE = "val_balanced_accuracy"
LAPTOPS_NAMES = {"tpe": "bayesian"}
"""Of a search on a laptop, with the tuner's that comes nearest."""
STRATEGIES = {"grid": "Grid", "bayesian": "Bayesian", "random": "Random", "hyperband": "Hyperband"}
PROJECT_TAG, ENVIRONMENT_TAG, RUN_TAG, MANIFEST_TAG = "project", "environment", "leukolens:run", "leukolens:manifest"
OWN_TAGS = (PROJECT_TAG, ENVIRONMENT_TAG, RUN_TAG, MANIFEST_TAG)
Strategy = Literal["grid", "bayesian", "random", "hyperband"]


class Range(BaseModel):
    """All numbers between two, ends included; ``log`` where each factor is as likely as another of its size."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    low: float
    high: float
    kind: Literal["continuous", "integer"]
    log: bool = False


class Plan(BaseModel):
    """One training job, or a sweep of them.

    Attributes
    ----------
    name
        Of the job or sweep; begins with the environment's ``leukolens-<environment>-``.
    environment
        ``dev``, ``staging`` or ``prod``.
    kind
        ``train`` or ``adapt`` for one job.
    data
        Prefix in S3 that holds the fields and their manifest.
    fixed
        Hyperparameters that every job has.
    base
        Of ``adapt``: prefix in S3 of the model whose network is used.
    choices
        Hyperparameters with the values to try.
    ranges
        Hyperparameters with the range to search.
    max_jobs
        Of a search; a grid has as many as it has combinations.
    checkpoints
        Where jobs keep checkpoints and look for those of a run before them.
    parent_run
        The sweep's run in MLflow, once it is made.
    hourly_price_usd
        Given by hand, where the table of prices has none.
    role, image, output
        ARN of the job's role, URI of its image (with this project in it) and prefix in S3 of what it writes; of the
        environment's stacks unless given.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    environment: str
    kind: Literal["train", "sweep", "adapt"]
    data: str
    fixed: dict[str, str]
    base: str | None = None
    choices: dict[str, tuple[str, ...]] = {}
    ranges: dict[str, Range] = {}
    strategy: Strategy = "grid"
    max_jobs: int | None = None
    max_parallel_jobs: int = 1
    instance_type: str
    instance_count: int = Field(default=1, ge=1)
    volume_gb: int = Field(default=30, ge=1)
    spot: bool = False
    max_runtime_s: int
    max_wait_s: int | None = None
    keep_alive_s: int = 0
    input_mode: Literal["FastFile", "File"] = "FastFile"
    tags: dict[str, str] = {}
    checkpoints: str | None = None
    parent_run: str | None = None
    hourly_price_usd: float | None = None
    role: str | None = None
    image: str | None = None
    output: str | None = None

    @property
    def resume_command(self) -> str:
        """Give the command that goes on with it."""
        return f"python -m training {self.kind} --executor sagemaker --env {self.environment} --resume {self.name}"

    @property
    def drop_command(self) -> str:
        """Give the command that ends it, or forgets it where nothing of it runs."""
        return f"python -m training stop --env {self.environment} --sweep {self.name}"

    @property
    def combinations(self) -> list[dict[str, str]]:
        """List the hyperparameters of every job of a grid; of a search, none is known beforehand."""
        if self.ranges or (self.kind == "sweep" and self.strategy != "grid"):
            return []
        return [
            {**self.fixed, **dict(zip(self.choices, values, strict=True))}
            for values in itertools.product(*self.choices.values())
        ]

    @property
    def job_count(self) -> int:
        """Give how many jobs it starts, at most."""
        return self.max_jobs or len(self.combinations)

    @property
    def parallel(self) -> int:
        """Give how many jobs run at a time."""
        return min(self.max_parallel_jobs, self.job_count)
