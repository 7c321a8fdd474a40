"""SageMaker's tuning jobs by name."""

from typing import Any

from botocore.exceptions import ClientError

from training.launch.errors import code_of, explained
from training.launch.place import Place

_MISSING = {"ResourceNotFound", "ResourceNotFoundException"}


def tuner_status(name: str, place: Place, session: Any) -> str | None:
    """Give ``InProgress``, ``Completed``, ``Failed``, ``Stopping`` or ``Stopped``; None for no such tuner."""
    with explained(f"look up the sweep {name}", place.policy):
        try:
            found = session.client("sagemaker").describe_hyper_parameter_tuning_job(HyperParameterTuningJobName=name)
        except ClientError as error:
            if code_of(error) in _MISSING or "does not exist" in str(error):
                return None
            raise
    return str(found["HyperParameterTuningJobStatus"])


def is_over(status: str) -> bool:
    """Tell whether a job or tuner will not change any more."""
    return status in {"Completed", "Failed", "Stopped"}
