"""Whole objects in and out of S3, each checked by its hash: fields, models, their history and the plans of jobs.

Many small pieces of work at once, with a progress bar, going on past the ones that fail.
"""

import base64
import hashlib
import re
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError, NoCredentialsError

from training.progress import bar

# Connection attempts and throttled or broken requests are repeated with growing pauses, by botocore itself.
RETRIES = {"mode": "standard", "max_attempts": 6}

MOST_LISTED = 20
"""Of what failed; the others are counted."""
BUCKET_NAME = r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]"
_NO_OBJECT, _NO_BUCKET = {"NoSuchKey", "404"}, {"NoSuchBucket", "404"}
_ADVICE = {
    "NoSuchBucket": "there is no such bucket: check the name, or create it with the storage stack",
    "AccessDenied": "access denied: check the credentials, and the bucket's and key's policies",
    "403": "access denied: check the credentials, and the bucket's and key's policies",
    "InvalidAccessKeyId": "the access key is unknown: check the credentials",
    "ExpiredToken": "the credentials have expired: sign in again",
    "NoSuchKey": "it is not in the bucket",
    "404": "it is not in the bucket",
    "BadDigest": "it arrived damaged: run the command again",
}


class BucketError(RuntimeError):
    """S3 refused or garbled something; says which object, why, and what to do. Its cause is what botocore raised."""


@dataclass(frozen=True)
class Stored:
    """What a listing tells of an object."""

    size_bytes: int
    etag: str


class Bucket:
    """The objects under one prefix of a bucket, for many threads at once.

    Parameters
    ----------
    uri
        ``s3://BUCKET`` or ``s3://BUCKET/PREFIX``. Endpoint, region and credentials come from where boto3 looks for them
        (``AWS_ENDPOINT_URL`` for a local server).
    connections
        Requests under way at a time. The connection pool has as many places: with fewer, urllib3 would open and throw
        away a connection for each request beyond them.
    session
        boto3's, where credentials or region are not those that boto3 finds by itself.

    Raises
    ------
    BucketError
        The URI is not one of S3.
    """

    def __init__(self, uri: str, connections: int = 1, session: Any = boto3) -> None:
        match = re.fullmatch(rf"s3://({BUCKET_NAME})(?:/(.*))?", uri)
        if match is None:
            raise BucketError(f"{uri!r} is no place in S3: write it as s3://BUCKET/PREFIX")
        self.uri, self.connections = uri.rstrip("/"), connections
        self._bucket = match[1]
        prefix = (match[2] or "").strip("/")
        self._prefix = f"{prefix}/" if prefix else ""
        # Downloads are compared with the manifest's hash, so that botocore need not compute another of the same bytes.
        config = Config(max_pool_connections=connections, retries=RETRIES, response_checksum_validation="when_required")
        with self._explain_errors(self.uri):
            self._client = session.client("s3", config=config)

    def exists(self) -> bool:
        """Tell whether the bucket is there; one that may not be asked for is taken to be."""
        try:
            self._client.head_bucket(Bucket=self._bucket)
        except ClientError as error:
            return code_of(error) not in _NO_BUCKET
        except BotoCoreError:
            return True
        return True

    def list(self) -> dict[str, Stored]:
        """List every object under the prefix, by key relative to it."""
        objects = {}
        with self._explain_errors(self.uri):
            pages = self._client.get_paginator("list_objects_v2").paginate(Bucket=self._bucket, Prefix=self._prefix)
            for page in pages:
                for entry in page.get("Contents", []):
                    key = entry["Key"].removeprefix(self._prefix)
                    objects[key] = Stored(entry["Size"], entry["ETag"].strip('"'))
        return objects

    def put(self, key: str, data: bytes) -> str:
        """Store one object whole, checked by S3 against its SHA-256, and here against the answer.

        Returns
        -------
        str
            The object's entity tag.

        Raises
        ------
        BucketError
            It was refused, or what arrived is not what was sent.
        """
        checksum = _sha256_base64(data)
        with self._explain_errors(key):
            response = self._client.put_object(
                Bucket=self._bucket, Key=self._prefix + key, Body=data, ChecksumSHA256=checksum
            )
        etag = str(response["ETag"]).strip('"')
        # S3 refuses a body that does not match; servers that only echo the checksum are caught by the MD5 in the tag.
        tag_is_md5 = response.get("ServerSideEncryption", "AES256") == "AES256"
        if response.get("ChecksumSHA256", checksum) != checksum or (tag_is_md5 and etag != md5(data)):
            raise BucketError(f"{key}: it arrived damaged: run the command again")
        return etag

    def holds(self, key: str, data: bytes, stored: Stored | None) -> bool:
        """Tell whether a listed object is these very bytes, by its tag or else by its stored SHA-256."""
        if stored is None or stored.size_bytes != len(data):
            return False
        if stored.etag == md5(data):
            return True
        with self._explain_errors(key):  # encrypted with a key of KMS, the tag is no MD5
            response = self._client.head_object(Bucket=self._bucket, Key=self._prefix + key, ChecksumMode="ENABLED")
        return bool(response.get("ChecksumSHA256") == _sha256_base64(data))

    def get(self, key: str) -> bytes:
        """Read one object whole.

        Raises
        ------
        BucketError
            It is not there, or cannot be read.
        """
        with self._explain_errors(key):
            body: bytes = self._client.get_object(Bucket=self._bucket, Key=self._prefix + key)["Body"].read()
        return body

    def find(self, key: str) -> bytes | None:
        """Read one object whole; None where there is none.

        Raises
        ------
        BucketError
            It cannot be read.
        """
        try:
            return self.get(key)
        except BucketError as error:
            if isinstance(error.__cause__, ClientError) and code_of(error.__cause__) in _NO_OBJECT:
                return None
            raise

    def delete(self, key: str) -> None:
        """Delete one object; a bucket that keeps versions keeps this one."""
        with self._explain_errors(key):
            self._client.delete_object(Bucket=self._bucket, Key=self._prefix + key)

    @contextmanager
    def _explain_errors(self, subject: str) -> Iterator[None]:
        try:
            yield
        except ClientError as error:
            raise BucketError(f"{subject}: {_ADVICE.get(code_of(error), error)}") from error
        except NoCredentialsError as error:
            raise BucketError(
                f"{subject}: no AWS credentials: set AWS_PROFILE, or sign in with `aws sso login`"
            ) from error
        except BotoCoreError as error:
            raise BucketError(f"{subject}: {error}") from error


def code_of(error: ClientError) -> str:
    """Give a service's code of an error, such as ``AccessDeniedException``."""
    return str(error.response.get("Error", {}).get("Code", ""))


def md5(data: bytes) -> str:
    """Give what S3 uses as the tag of an object put whole; not a defence, S3's SHA-256 is."""
    return hashlib.md5(data, usedforsecurity=False).hexdigest()


def _sha256_base64(data: bytes) -> str:
    return base64.b64encode(hashlib.sha256(data).digest()).decode()


T = TypeVar("T")


@dataclass(frozen=True)
class Outcome(Generic[T]):
    """What came of the work: results in order of completion, and a line for each piece that failed."""

    results: list[T]
    failures: list[str]


def stop_on(failures: list[str], summary: str) -> None:
    """Raise an error with the first failures, a line each, if there are any; ``summary`` says of what.

    Raises
    ------
    BucketError
        There are.
    """
    if failures:
        lines = failures[:MOST_LISTED]
        if len(failures) > MOST_LISTED:
            lines.append(f"and {len(failures) - MOST_LISTED} more")
        details = "\n  ".join(lines)
        raise BucketError(f"{len(failures)} {summary}; the same command goes on from here:\n  {details}")


@dataclass(frozen=True)
class Piece(Generic[T]):
    """One piece of work and its weight on the progress bar."""

    work: Callable[[], T]
    size_bytes: int


def run_all(title: str, pieces: Iterable[Piece[T]], workers: int, progress: bool = True) -> Outcome[T]:
    """Do all the pieces, ``workers`` at a time.

    Parameters
    ----------
    title
        Of the progress bar.
    pieces
        Each raises BucketError or OSError when it fails; the others go on.
    workers
        Threads.
    progress
        Show the bar.

    Returns
    -------
    Outcome
        When interrupted, pieces not yet begun are dropped and the interruption goes on upwards.
    """
    outcome = Outcome[T]([], [])
    waiting = list(pieces)
    total = sum(piece.size_bytes for piece in waiting)
    pool = ThreadPoolExecutor(workers)
    with bar(None, title, total, shown=progress, unit="B", unit_scale=True) as progress_bar:
        try:
            futures = {pool.submit(piece.work): piece.size_bytes for piece in waiting}
            for future in as_completed(futures):
                try:
                    outcome.results.append(future.result())
                except (BucketError, OSError) as error:
                    outcome.failures.append(str(error))
                progress_bar.update(futures[future])
        finally:
            pool.shutdown(cancel_futures=True)
    return outcome
