"""Delete a bucket that ``cdk destroy`` has left, with every version of everything in it, after asking."""

from collections.abc import Callable
from typing import Any

import boto3
from botocore.exceptions import ClientError

from infra.environments import ConfigError
from infra.operations.errors import explained
from infra.stack import read_outputs

_STACK = "aws:cloudformation:stack-name"


def empty(bucket: str, ask: Callable[[str], str] = input, session: Any = boto3) -> str:
    """Delete a bucket of this project and everything in it.

    Parameters
    ----------
    bucket
        Its name.
    ask
        Puts a question and gives the answer, which must be the bucket's name again.
    session
        Makes the clients.

    Returns
    -------
    str
        What was done.

    Raises
    ------
    ConfigError
        If there is no such bucket, it is not one of this project, its stack still stands, or the answer is another.
    """
    with explained(bucket):
        tags = _tags(session.client("s3"), bucket)
        if tags.get("project") != "leukolens":
            raise ConfigError(f"{bucket} is not tagged project=leukolens: it is none that this project made")
        _refuse_while_deployed(session.client("cloudformation"), bucket, tags.get(_STACK, ""))
        versions = session.resource("s3").Bucket(bucket).object_versions
        count = sum(1 for _ in versions.all())
        question = f"{count} versions of objects in {bucket} ({tags.get('environment')}) go for ever. Type its name: "
        if ask(question).strip() != bucket:
            raise ConfigError("that is another name: nothing was deleted")
        versions.delete()
        session.client("s3").delete_bucket(Bucket=bucket)
    return f"deleted {bucket} with {count} versions of objects"


def _tags(s3: Any, bucket: str) -> dict[str, str]:
    try:
        tags = s3.get_bucket_tagging(Bucket=bucket)["TagSet"]
    except ClientError as error:
        if error.response["Error"]["Code"] != "NoSuchTagSet":
            raise
        tags = []
    return {tag["Key"]: tag["Value"] for tag in tags}


def _refuse_while_deployed(cloudformation: Any, bucket: str, stack: str) -> None:
    """Refuse to take a bucket from under its stack; without the stack's tag, nothing tells that one stands."""
    if stack and read_outputs(cloudformation, stack) is not None:
        raise ConfigError(f"{bucket} is in use by the stack {stack}: run make destroy first")
