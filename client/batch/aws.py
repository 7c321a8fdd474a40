"""The AWS clients of one batch, made when needed: nothing else of the client needs boto3."""

import re
from dataclasses import dataclass
from typing import Any, Self

from .errors import RefusedError, WrongRequestError, explained

ENVIRONMENTS = ("dev", "staging", "prod")
DOWNLOADS = 16
"""Objects fetched at once."""
_ARN = re.compile(r"arn:aws[a-z-]*:states:(?P<region>[a-z0-9-]+):\d{12}:(?P<kind>stateMachine|execution):[^\s]+")


@dataclass(frozen=True, slots=True)
class Aws:
    """boto3's clients of one region.

    Attributes
    ----------
    states, s3
        boto3's clients of Step Functions and S3.
    """

    states: Any
    s3: Any

    @classmethod
    def connect(cls, region: str | None = None, endpoint_url: str | None = None) -> Self:
        """Make the clients.

        Parameters
        ----------
        region
            The environment's or the profile's, if left out.
        endpoint_url
            Of an emulator.

        Raises
        ------
        RefusedError
            Without boto3 or a region.
        """
        session = _session(region)
        config = _config()
        with explained("Asking AWS"):
            return cls(
                states=session.client("stepfunctions", endpoint_url=endpoint_url, config=config),
                s3=session.client("s3", endpoint_url=endpoint_url, config=config),
            )


def state_machine_arn(environment: str, endpoint_url: str | None = None) -> str:
    """Give the ARN of an environment's state machine in the account and region of the credentials.

    Raises
    ------
    RefusedError
        When AWS does not tell the account.
    """
    session = _session(None)
    with explained("Asking which account this is"):
        sts = session.client("sts", endpoint_url=endpoint_url, config=_config())
        account, region = sts.get_caller_identity()["Account"], sts.meta.region_name
        partition = session.get_partition_for_region(region)
    return f"arn:{partition}:states:{region}:{account}:stateMachine:leukolens-{environment}-batch"


def region_of(arn: str, kind: str) -> str:
    """Give the region that an ARN of Step Functions names.

    Parameters
    ----------
    arn
        The ARN.
    kind
        ``stateMachine`` or ``execution``.

    Raises
    ------
    WrongRequestError
        If it is not an ARN of that kind.
    """
    match = _ARN.fullmatch(arn)
    if match is None or match["kind"] != kind:
        raise WrongRequestError(f"{arn!r} is no ARN of the kind {kind}: arn:aws:states:REGION:ACCOUNT:{kind}:NAME...")
    return match["region"]


def _session(region: str | None) -> Any:
    try:
        import boto3
    except ImportError as error:
        raise RefusedError("Batches need boto3: pip install boto3 (make setup brings it)") from error
    with explained("Reading the AWS settings"):
        return boto3.Session(region_name=region)


def _config() -> Any:
    from botocore.config import Config

    return Config(
        retries={"mode": "standard", "total_max_attempts": 5},
        connect_timeout=5,
        read_timeout=30,
        max_pool_connections=DOWNLOADS,
    )
