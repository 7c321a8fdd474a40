"""What goes wrong on the way to a training job, in words that say what to do.

What is told to whoever sits there; what another program may read goes to the standard output instead.
"""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectionError,  # noqa: A004 - botocore's own name for a lost line
    HTTPClientError,
    NoCredentialsError,
    TokenRetrievalError,
    UnauthorizedSSOTokenError,
)

from training.data.s3 import BucketError, code_of

_SIGN_IN = "sign in (aws sso login) or set AWS_PROFILE, then try again"
_DENIED = {"AccessDenied", "AccessDeniedException", "AuthorizationError", "UnauthorizedOperation", "403"}
_EXPIRED = {"ExpiredToken", "ExpiredTokenException", "InvalidClientTokenId", "UnrecognizedClientException"}


class LaunchError(Exception):
    """A job cannot be started, found or stopped; the message names the option and what is allowed."""


class ConnectionLostError(LaunchError):
    """AWS did not answer; the jobs there go on, and can be followed again."""


@contextmanager
def explained(action: str, policy: str = "the launcher's policy") -> Iterator[None]:
    """Turn what AWS or botocore raises into one message.

    Parameters
    ----------
    action
        What was asked for, as in "no permission to ...".
    policy
        The policy that would allow it.

    Raises
    ------
    ConnectionLostError
        AWS cannot be reached.
    LaunchError
        AWS refused; says why and what to do.
    """
    try:
        yield
    except BucketError as error:
        raise _launch_error(error.__cause__ or error, action, policy) from error
    except (ClientError, BotoCoreError) as error:
        raise _launch_error(error, action, policy) from error


def _launch_error(error: BaseException, action: str, policy: str) -> LaunchError:
    if isinstance(error, ClientError):
        return LaunchError(_refusal(error, action, policy))
    if isinstance(error, NoCredentialsError | TokenRetrievalError | UnauthorizedSSOTokenError):
        return LaunchError(f"no AWS credentials to {action}: {_SIGN_IN}")
    if isinstance(error, ConnectionError | HTTPClientError):
        return ConnectionLostError(f"AWS did not answer when asked to {action}: {error}")
    return LaunchError(f"cannot {action}: {error}")


def _refusal(error: ClientError, action: str, policy: str) -> str:
    code, message = code_of(error), str(error.response.get("Error", {}).get("Message", ""))
    if code in _DENIED:
        return f"no permission to {action}: ask for {policy} ({message})"
    if code in _EXPIRED:
        return f"the credentials are no longer valid to {action}: {_SIGN_IN}"
    if code == "ResourceLimitExceeded":
        return f"cannot {action}, the account's quota is used up: {message}"
    return f"cannot {action}: {message or code}"


Say = Callable[[str], object]


def say(text: str) -> None:
    """Tell it on the standard error."""
    sys.stderr.write(text + "\n")
