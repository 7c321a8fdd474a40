"""Objects by key: in S3, or in a folder of a laptop. The one module that owns an AWS client."""

from __future__ import annotations

import json
import os
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NoReturn, Protocol
from urllib.parse import parse_qsl, urlsplit

from .errors import NotOffered, StorageUnavailable, TooLarge
from .observe import logger

if TYPE_CHECKING:
    from collections.abc import Callable

UPLOAD_EXPIRES_S: Final = 900
# A role without s3:ListBucket is told 403 where there is no such object.
_ABSENT: Final = frozenset({"NoSuchKey", "404", "AccessDenied"})
_EXISTS: Final = frozenset({"PreconditionFailed", "ConditionalRequestConflict"})


class Objects(Protocol):
    """Where objects are kept."""

    def read(self, key: str, max_bytes: int) -> bytes | None:
        """Give an object's bytes, or None where there is none; refuse one over ``max_bytes``."""

    def write(self, key: str, data: bytes, content_type: str) -> None:
        """Write an object, over one that is there."""

    def write_once(self, key: str, data: bytes, content_type: str) -> bool:
        """Write an object durably unless it is there; tell whether it was written now."""

    def presign(self, key: str, content_type: str, size_bytes: int) -> tuple[str, dict[str, str]]:
        """Give the address and form fields by which a caller may put exactly this object, for a while."""


def open_objects(address: str) -> Objects:
    """Open a store by its setting: a bucket's name, or ``file:///folder``, with ``?post_to=URL`` where uploads go."""
    parts = urlsplit(address)
    if parts.scheme == "file":
        from urllib.request import url2pathname  # brings HTTP and TLS, for a laptop alone

        return Folder(Path(url2pathname(parts.path)), dict(parse_qsl(parts.query)).get("post_to", ""))
    return Bucket(address)


class Bucket:
    """An S3 bucket; boto3 is imported when the first one is opened, since a prediction from a body needs none."""

    def __init__(self, name: str) -> None:
        import boto3
        from botocore.config import Config
        from botocore.exceptions import BotoCoreError, ClientError

        self._name = name
        config = Config(
            signature_version="s3v4",
            retries={"mode": "standard", "total_max_attempts": 3},
            connect_timeout=2,
            read_timeout=10,
            # Presigned posts go to the bucket's own region and name: the global name answers 307 for a new bucket, and
            # regions opened after 2019 refuse it (boto3#2187).
            s3={"addressing_style": "virtual", "us_east_1_regional_endpoint": "regional"},
        )
        self._client = boto3.client("s3", config=config)
        self._refusals = ClientError
        self._failures = BotoCoreError

    def read(self, key: str, max_bytes: int) -> bytes | None:
        """Give an object's bytes, or None where there is none."""
        found = self._call(_ABSENT, self._client.get_object, Bucket=self._name, Key=key)
        if found is None:
            return None
        if found["ContentLength"] > max_bytes:
            raise TooLarge(f"The file has {found['ContentLength']} bytes, more than the limit of {max_bytes}.")
        # A transfer that breaks off is storage not answering, too.
        return bytes(self._call(frozenset(), found["Body"].read))

    def write(self, key: str, data: bytes, content_type: str) -> None:
        """Write an object, over one that is there."""
        self._call(
            frozenset(), self._client.put_object, Bucket=self._name, Key=key, Body=data, ContentType=content_type
        )

    def write_once(self, key: str, data: bytes, content_type: str) -> bool:
        """Write an object unless it is there: S3's conditional write."""
        options = {"Bucket": self._name, "Key": key, "Body": data, "ContentType": content_type, "IfNoneMatch": "*"}
        return self._call(_EXISTS, self._client.put_object, **options) is not None

    def presign(self, key: str, content_type: str, size_bytes: int) -> tuple[str, dict[str, str]]:
        """Sign a POST for one key, one content type and one size; signing asks nothing of S3."""
        post = self._call(
            frozenset(),
            self._client.generate_presigned_post,
            Bucket=self._name,
            Key=key,
            Fields={"Content-Type": content_type},
            Conditions=[{"Content-Type": content_type}, ["content-length-range", size_bytes, size_bytes]],
            ExpiresIn=UPLOAD_EXPIRES_S,
        )
        return post["url"], post["fields"]

    def _call(self, expected: frozenset[str], operation: Callable[..., Any], **options: Any) -> Any:
        """Call S3; give None for an expected refusal."""
        try:
            return operation(**options)
        except self._refusals as error:
            code = error.response["Error"]["Code"]
            if code in expected:
                return None
            self._unavailable(str(code))
        except self._failures as error:
            self._unavailable(type(error).__name__)

    def _unavailable(self, cause: str) -> NoReturn:
        logger.error("storage", extra={"bucket": self._name, "cause": cause})
        raise StorageUnavailable("Storage did not answer: try again in a moment.")


class Folder:
    """A folder of this machine, for a service that runs without AWS.

    Parameters
    ----------
    root
        The folder.
    post_to
        Address that takes uploads for it, as ``local.uploads`` does; empty where none does.
    """

    def __init__(self, root: Path, post_to: str = "") -> None:
        self._root = root
        self._post_to = post_to

    def read(self, key: str, max_bytes: int) -> bytes | None:
        """Give a file's bytes, or None where there is none."""
        path = (self._root / key).resolve()
        if not path.is_relative_to(self._root.resolve()) or not path.is_file():
            return None
        if path.stat().st_size > max_bytes:
            raise TooLarge(f"The file has {path.stat().st_size} bytes, more than the limit of {max_bytes}.")
        return path.read_bytes()

    def write(self, key: str, data: bytes, content_type: str) -> None:
        """Write a file, over one that is there; it appears whole or not at all."""
        written = self._written(key, data)
        written.replace(self._root / key)

    def write_once(self, key: str, data: bytes, content_type: str) -> bool:
        """Write a file unless it is there; it appears whole or not at all, and is on disk when this returns."""
        written = self._written(key, data)
        try:
            (self._root / key).hardlink_to(written)
        except FileExistsError:
            return False
        finally:
            written.unlink()
        return True

    def presign(self, key: str, content_type: str, size_bytes: int) -> tuple[str, dict[str, str]]:
        """Leave a ticket, which the address that takes uploads looks for."""
        if not self._post_to:
            raise NotOffered("This service takes no uploads: send the image as the body of the request.")
        ticket = {
            "content_type": content_type,
            "size_bytes": size_bytes,
            "expires_s": time.time() + UPLOAD_EXPIRES_S,
        }
        self.write(f"{key}.ticket", json.dumps(ticket).encode(), "application/json")
        return self._post_to, {"key": key, "Content-Type": content_type}

    def _written(self, key: str, data: bytes) -> Path:
        folder = (self._root / key).parent
        try:
            folder.mkdir(parents=True, exist_ok=True)
            with tempfile.NamedTemporaryFile(dir=folder, delete=False) as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            logger.error("storage", extra={"folder": str(self._root), "cause": error.strerror})
            raise StorageUnavailable("Storage did not take the object: see the service's log.") from error
        return Path(file.name)
