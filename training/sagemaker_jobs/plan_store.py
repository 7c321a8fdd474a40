"""Plans in S3, written before anything is started: what is listed, resumed and stopped even if starting it failed."""

from typing import Any

from training.data.s3 import Bucket
from training.sagemaker_jobs.deployment import Deployment
from training.sagemaker_jobs.errors import explained
from training.sagemaker_jobs.plan import Plan


def write_record(plan: Plan, deployment: Deployment, session: Any) -> None:
    """Write a plan down."""
    with explained(f"write to {deployment.output}", deployment.policy):
        _plans(deployment, session).put(f"{plan.name}.json", plan.model_dump_json(indent=2).encode())


def find_record(name: str, deployment: Deployment, session: Any) -> Plan | None:
    """Read the plan of a job or sweep; None where there is none."""
    with explained(f"read {deployment.output}", deployment.policy):
        content = _plans(deployment, session).find(f"{name}.json")
    return None if content is None else Plan.model_validate_json(content)


def list_records(deployment: Deployment, session: Any) -> list[str]:
    """List the names of all plans, oldest names first."""
    with explained(f"list {deployment.output}", deployment.policy):
        return sorted(key.removesuffix(".json") for key in _plans(deployment, session).list())


def drop_record(name: str, deployment: Deployment, session: Any) -> None:
    """Forget a plan that nothing was started of."""
    with explained(f"forget the plan of {name}", deployment.policy):
        _plans(deployment, session).delete(f"{name}.json")


def _plans(deployment: Deployment, session: Any) -> Bucket:
    return Bucket(f"{deployment.output}/plans", session=session)
