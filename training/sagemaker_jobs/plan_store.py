"""Plans in S3, written before anything is started: what is listed, resumed and stopped even if starting it failed."""

from typing import Any

from botocore.exceptions import ClientError

from training.sagemaker_jobs.deployment import Place
from training.sagemaker_jobs.errors import code_of, explained
from training.sagemaker_jobs.plan import Plan

_FOLDER = "training/plans"


def write_record(plan: Plan, place: Place, session: Any) -> None:
    """Write a plan down."""
    with explained(f"write to {place.output}", place.policy):
        session.client("s3").put_object(
            Bucket=place.models_bucket, Key=_key(plan.name), Body=plan.model_dump_json(indent=2).encode()
        )


def find_record(name: str, place: Place, session: Any) -> Plan | None:
    """Read the plan of a job or sweep; None where there is none."""
    with explained(f"read {place.output}", place.policy):
        try:
            body = session.client("s3").get_object(Bucket=place.models_bucket, Key=_key(name))["Body"].read()
        except ClientError as error:
            if code_of(error) in {"NoSuchKey", "404"}:
                return None
            raise
    return Plan.model_validate_json(body)


def list_records(place: Place, session: Any) -> list[str]:
    """List the names of all plans, oldest names first."""
    with explained(f"list {place.output}", place.policy):
        pages = session.client("s3").get_paginator("list_objects_v2")
        keys = [
            entry["Key"]
            for page in pages.paginate(Bucket=place.models_bucket, Prefix=f"{_FOLDER}/")
            for entry in page.get("Contents", [])
        ]
    return sorted(key.removeprefix(f"{_FOLDER}/").removesuffix(".json") for key in keys)


def drop_record(name: str, place: Place, session: Any) -> None:
    """Forget a plan that nothing was started of."""
    with explained(f"forget the plan of {name}", place.policy):
        session.client("s3").delete_object(Bucket=place.models_bucket, Key=_key(name))


def _key(name: str) -> str:
    return f"{_FOLDER}/{name}.json"
