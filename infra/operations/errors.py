"""What AWS refuses, in one line that says what to do."""

from collections.abc import Iterator
from contextlib import contextmanager

from botocore.exceptions import BotoCoreError, ClientError

from infra.environments import ConfigError


@contextmanager
def explained(subject: str = "", service: str = "AWS") -> Iterator[None]:
    """Turn what AWS refuses while the ``with`` lasts into an error that says what to do.

    Parameters
    ----------
    subject
        What was asked about, named first; nothing, if left out.
    service
        Who refuses.

    Raises
    ------
    ConfigError
        AWS refused, or could not be asked.
    """
    try:
        yield
    except ClientError as error:
        raise ConfigError(f"{subject}: {refusal(error, service)}" if subject else refusal(error, service)) from None
    except BotoCoreError as error:
        raise ConfigError(no_answer(error)) from None


def refusal(error: ClientError, service: str = "AWS") -> str:
    """Say what AWS refused."""
    details = error.response["Error"]
    return f"{service} says {details['Code']}: {details['Message']}"


def no_answer(error: BotoCoreError) -> str:
    """Say why AWS could not be asked, which is mostly for want of credentials."""
    return f"{error}: sign in (aws sso login) or set AWS_PROFILE, then try again"
