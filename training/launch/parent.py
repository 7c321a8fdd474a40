"""The run of a sweep in MLflow, under which its jobs' runs are filed."""

import os
from typing import Any

from training.launch.errors import LaunchError
from training.launch.place import Place
from training.launch.plan import Plan


def experiment_of(plan: Plan) -> str:
    """Give the MLflow experiment of an environment's jobs."""
    return f"leukolens-{plan.environment}"


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
    # A server that is away must not hold the launch for the minutes of MLflow's own patience.
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "2")
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_TIMEOUT", "15")
    from mlflow import MlflowClient  # it takes seconds
    from mlflow.exceptions import MlflowException

    try:
        used = client or MlflowClient(tracking_uri=place.tracking_uri)
        found = used.get_experiment_by_name(experiment_of(plan))
        experiment = found.experiment_id if found else used.create_experiment(experiment_of(plan))
        tags = {"leukolens.sweep": plan.name, "leukolens.data": plan.data, **plan.tags}
        return str(used.create_run(experiment, run_name=plan.name, tags=tags).info.run_id)
    except (MlflowException, OSError) as error:
        raise LaunchError(f"no parent run in MLflow at {place.tracking_uri}: {error}") from error
