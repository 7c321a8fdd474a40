"""What can go wrong with a batch, each kind with its exit code and a message that says what to do."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, ClassVar

from client.errors import LeukolensError

_SIGN_IN = "sign in (aws sso login) or set AWS_PROFILE, then try again"
_EXPIRED = frozenset({"ExpiredToken", "ExpiredTokenException", "InvalidClientTokenId", "UnrecognizedClientException"})
_DENIED = frozenset({"AccessDenied", "AccessDeniedException", "403"})
_ABSENT = {
    "StateMachineDoesNotExist": "there is no such state machine: deploy the batch stack, or name another by --env or"
    " --state-machine",
    "ExecutionDoesNotExist": "there is no such execution: it may be older than the 90 days that Step Functions keeps",
    "NoSuchBucket": "there is no such bucket",
    "NoSuchKey": "there is no such object: results expire, as the environment says",
}


class BatchError(LeukolensError):
    """Base of what ends a batch's command."""

    exit_code: ClassVar[int] = 3


class WrongRequestError(BatchError):
    """What was asked for makes no sense; nothing was started."""

    exit_code = 2


class RefusedError(BatchError):
    """AWS cannot be reached, or does not allow it."""


class BatchFailedError(BatchError):
    """The execution ended without success."""

    exit_code = 4


@contextmanager
def explained(doing: str) -> Iterator[None]:
    """Turn what boto3 raises into a :class:`RefusedError` that says what to do.

    Parameters
    ----------
    doing
        What was tried, as the message's beginning: ``"Starting the batch"``.
    """
    from botocore.exceptions import BotoCoreError, ClientError, NoCredentialsError, NoRegionError

    try:
        yield
    except ClientError as error:
        raise RefusedError(f"{doing}: {_explain(error.response['Error'])}") from error
    except NoCredentialsError as error:
        raise RefusedError(f"{doing}: no AWS credentials here: {_SIGN_IN}") from error
    except NoRegionError as error:
        raise RefusedError(f"{doing}: no AWS region here: set AWS_REGION, or name the state machine's ARN") from error
    except BotoCoreError as error:
        raise RefusedError(f"{doing}: {error}") from error


def _explain(error: dict[str, Any]) -> str:
    code, message = error.get("Code", "Unknown"), error.get("Message", "")
    if code in _EXPIRED:
        return f"the AWS credentials are no longer good ({code}): {_SIGN_IN}"
    if code in _DENIED:
        return (
            f"not allowed ({message or code}): attach the managed policy "
            "leukolens-<environment>-batch-operator-<region>, which the batch stack makes (output OperatorPolicyArn)"
        )
    return f"{_ABSENT[code]} ({message})" if code in _ABSENT else f"AWS says {code}: {message}"
