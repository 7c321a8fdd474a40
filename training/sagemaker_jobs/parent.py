"""The run of a sweep in MLflow, under which its jobs' runs are filed."""

from typing import Any

from training.sagemaker_jobs.deployment import Place
from training.sagemaker_jobs.errors import LaunchError
from training.sagemaker_jobs.plan import Plan
from training.tracking.settings import artifact_location, prepare_environment


def experiment_of(environment: str) -> str:
    """Give the MLflow experiment of an environment's jobs."""
    return f"leukolens-{environment}"


def make_parent(plan: Plan, place: Place, client: Any = None) -> str:
    """Make the parent run; gives its id.

    Parameters
    ----------
    plan, place
        The sweep, and where it is tracked.
    client
        MLflow's; made for the place's tracking server, if left out.

    Raises
    ------
    LaunchError
        The server cannot be reached, or refuses.
    """
    prepare_environment(place.tracking_uri)
    from mlflow import MlflowClient  # it takes seconds
    from mlflow.exceptions import MlflowException

    try:
        used = client or MlflowClient(tracking_uri=place.tracking_uri)
        found = used.get_experiment_by_name(experiment_of(plan.environment))
        experiment = (
            found.experiment_id
            if found
            else used.create_experiment(experiment_of(plan.environment), artifact_location(place.tracking_uri))
        )
        tags = {"leukolens.sweep": plan.name, "leukolens.data": plan.data, **plan.tags}
        return str(used.create_run(experiment, run_name=plan.name, tags=tags).info.run_id)
    except (MlflowException, OSError) as error:
        raise LaunchError(f"no parent run in MLflow at {place.tracking_uri}: {error}") from error
