"""SageMaker's tuning jobs by name."""

from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError

from training.sagemaker_jobs.deployment import Place
from training.sagemaker_jobs.errors import code_of, explained

_MISSING = {"ResourceNotFound", "ResourceNotFoundException"}


@dataclass(frozen=True)
class Tuner:
    """What AWS says of a tuner.

    Attributes
    ----------
    status
        ``InProgress``, ``Completed``, ``Failed``, ``Stopping`` or ``Stopped``.
    failure
        AWS's reason, for one that failed.
    """

    status: str
    failure: str | None = None

    @property
    def over(self) -> bool:
        """Tell whether it starts no more jobs."""
        return is_over(self.status)


def find_tuner(name: str, place: Place, session: Any) -> Tuner | None:
    """Look a tuner up; None for no such tuner."""
    with explained(f"look up the sweep {name}", place.policy):
        try:
            found = session.client("sagemaker").describe_hyper_parameter_tuning_job(HyperParameterTuningJobName=name)
        except ClientError as error:
            if code_of(error) in _MISSING or "does not exist" in str(error):
                return None
            raise
    return Tuner(str(found["HyperParameterTuningJobStatus"]), found.get("FailureReason"))


def is_over(status: str) -> bool:
    """Tell whether a job or tuner will not change any more."""
    return status in {"Completed", "Failed", "Stopped"}
