"""Plans in S3, written before anything is started: what is listed, resumed and stopped even if starting it failed."""

from typing import Any

from training.data.s3 import Bucket
from training.sagemaker_jobs.deployment import Place
from training.sagemaker_jobs.errors import explained
from training.sagemaker_jobs.plan import Plan


def write_record(plan: Plan, place: Place, session: Any) -> None:
    """Write a plan down."""
    with explained(f"write to {place.output}", place.policy):
        _plans(place, session).put(f"{plan.name}.json", plan.model_dump_json(indent=2).encode())


def find_record(name: str, place: Place, session: Any) -> Plan | None:
    """Read the plan of a job or sweep; None where there is none."""
    with explained(f"read {place.output}", place.policy):
        content = _plans(place, session).find(f"{name}.json")
    return None if content is None else Plan.model_validate_json(content)


def list_records(place: Place, session: Any) -> list[str]:
    """List the names of all plans, oldest names first."""
    with explained(f"list {place.output}", place.policy):
        return sorted(key.removesuffix(".json") for key in _plans(place, session).list())


def drop_record(name: str, place: Place, session: Any) -> None:
    """Forget a plan that nothing was started of."""
    with explained(f"forget the plan of {name}", place.policy):
        _plans(place, session).delete(f"{name}.json")


def _plans(place: Place, session: Any) -> Bucket:
    return Bucket(f"{place.output}/plans", session=session)
