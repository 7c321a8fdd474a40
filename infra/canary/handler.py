"""The synthetic canary: sends one field through the deployed API, as a caller does, and compares with the first answer.

Every run that ends in an error is one of Lambda's ``Errors``, which an alarm watches. A run fails where the API cannot
be reached, refuses, or answers for the same field and the same model otherwise than the first time.

The field is ``canary/field`` of the models bucket, where a laboratory has put one of its own; else a drawn one, of
which a model says that it does not know it, always with the same score.
"""

import contextlib
import hashlib
import json
import math
import os
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from base64 import b64encode
from collections.abc import Callable
from pathlib import Path
from typing import Any

FIELD_KEY = "canary/field"
ANSWERS = "canary/answers"
DRAWN = Path(__file__).with_name("field.png")
"""The drawn field, beside this file in the deployed archive."""
TOLERANCE = 0.01
"""Of probabilities and scores: the rounding of another processor stays below it, another decoding does not."""
_TIMEOUT_S = 35.0  # the API's own is 30 s
_PAUSE_S = 2.0
# Tokens last an hour; a new one for each run would cost more than all the rest.
_RENEW_S = 120.0
_ABSENT = frozenset({"NoSuchKey", "AccessDenied", "404"})
_tokens: dict[str, tuple[str, float]] = {}


class CanaryError(Exception):
    """The API did not answer, or not as before; the message says which."""


def handler(event: Any, context: Any) -> dict[str, Any]:
    """Send the field to the API, and compare the answer with the one that is kept.

    Raises
    ------
    CanaryError
        Which Lambda counts.
    """
    import boto3

    bucket, s3 = os.environ["BUCKET"], boto3.client("s3")
    field = read_field(s3, bucket)
    begun = time.monotonic()
    answer = _twice(lambda: predict(os.environ["API_URL"], _token(boto3.client("cognito-idp")), field))
    milliseconds = round(1000 * (time.monotonic() - begun))
    comparison = compare(answer, field, s3, bucket)
    sys.stdout.write(json.dumps({"canary": comparison, "milliseconds": milliseconds, "model": answer["model"]}) + "\n")
    return {"said": comparison, "milliseconds": milliseconds}


def read_field(s3: Any, bucket: str) -> bytes:
    """Give the laboratory's field where there is one, else the drawn one."""
    return _read(s3, bucket, FIELD_KEY) or DRAWN.read_bytes()


def predict(url: str, token: str, field: bytes) -> dict[str, Any]:
    """Send a field as a caller does.

    Raises
    ------
    CanaryError
        Where no answer can be had.
    """
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "image/png"}
    return _ask(urllib.request.Request(f"{url}/v1/predictions", data=field, headers=headers, method="POST"))  # noqa: S310 - https, the stack's own


def compare(answer: dict[str, Any], field: bytes, s3: Any, bucket: str) -> str:
    """Compare an answer with the first that this model gave for this field; the first itself is kept.

    Parameters
    ----------
    answer
        Of the API.
    field
        What was sent.
    s3, bucket
        Where first answers are kept: ``canary/answers/<model>-<field>.json``.

    Returns
    -------
    str
        ``as before``, or that it is the first.

    Raises
    ------
    CanaryError
        Where a verdict, a label or a number is another.
    """
    model = answer["model"]["sha256"]
    key = f"{ANSWERS}/{model[:32]}-{hashlib.sha256(field).hexdigest()[:32]}.json"
    now = _comparable(answer)
    if (before := _read(s3, bucket, key)) is None:
        s3.put_object(Bucket=bucket, Key=key, Body=json.dumps(now).encode(), ContentType="application/json")
        return "the first answer of this model, kept to compare with"
    if changed := sorted(_changed(json.loads(before), now)):
        raise CanaryError(f"changed answer: {'; '.join(changed)} (first answer: s3://{bucket}/{key})")
    return "as before"


def _comparable(answer: dict[str, Any]) -> dict[str, Any]:
    """Leave what is another with each request: ids, times, the explanation."""
    kept = ("triage", "prediction", "probabilities", "malignant_probability", "prediction_set")
    return {name: answer.get(name) for name in (*kept, "out_of_distribution_score")}


def _changed(before: Any, now: Any, path: str = "") -> list[str]:
    """Name each place where two answers differ by more than rounding."""
    if isinstance(before, dict) and isinstance(now, dict):
        names = {*before, *now}
        return [one for name in names for one in _changed(before.get(name), now.get(name), f"{path}.{name}".strip("."))]
    numbers = all(isinstance(one, int | float) and not isinstance(one, bool) for one in (before, now))
    same = math.isclose(before, now, rel_tol=TOLERANCE, abs_tol=TOLERANCE) if numbers else before == now
    return [] if same else [f"{path} {before} -> {now}"]


def _twice(ask: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """Ask once more where no answer came: one lost connection wakes nobody."""
    try:
        return ask()
    except CanaryError:
        time.sleep(_PAUSE_S)
        return ask()


def _token(cognito: Any) -> str:
    """Get a token for the machine client, by client credentials, or give the last one while it lasts."""
    client = os.environ["CLIENT_ID"]
    token, until = _tokens.get(client, ("", 0.0))
    if time.time() < until:
        return token
    described = cognito.describe_user_pool_client(UserPoolId=os.environ["USER_POOL_ID"], ClientId=client)
    secret = described["UserPoolClient"]["ClientSecret"]
    form = {"grant_type": "client_credentials", "scope": os.environ["SCOPE"]}
    basic = b64encode(f"{client}:{secret}".encode()).decode()
    headers = {"Authorization": f"Basic {basic}", "Content-Type": "application/x-www-form-urlencoded"}
    body = urllib.parse.urlencode(form).encode()
    request = urllib.request.Request(os.environ["TOKEN_URL"], data=body, headers=headers, method="POST")  # noqa: S310 - https, the stack's own
    answered = _ask(request)
    _tokens[client] = (answered["access_token"], time.time() + answered["expires_in"] - _RENEW_S)
    return str(answered["access_token"])


def _ask(request: urllib.request.Request) -> dict[str, Any]:
    """Send a request and read the answer, or say in one line what came instead."""
    path = urllib.parse.urlsplit(request.full_url).path
    try:
        with urllib.request.urlopen(request, timeout=_TIMEOUT_S) as answer:  # noqa: S310 - https, the stack's own
            return dict(json.loads(answer.read()))
    except urllib.error.HTTPError as error:
        title = ""
        with contextlib.suppress(ValueError, AttributeError):
            title = json.loads(error.read()).get("title", "")
        if error.code == 401:  # a token that was taken back is not kept
            _tokens.clear()
        raise CanaryError(f"{path}: {error.code} {title}".strip()) from None
    except (OSError, ValueError) as error:
        raise CanaryError(f"{path}: {error}") from None


def _read(s3: Any, bucket: str, key: str) -> bytes | None:
    """Give an object, or None where there is none (which a role that may not list is told by 403)."""
    try:
        return bytes(s3.get_object(Bucket=bucket, Key=key)["Body"].read())
    except s3.exceptions.ClientError as error:
        if error.response["Error"]["Code"] in _ABSENT:
            return None
        raise
