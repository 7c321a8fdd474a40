"""Objects by key: in S3, or in a folder of a laptop. The one module that owns an AWS client."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NoReturn, Protocol
from urllib.parse import parse_qsl, urlsplit

from .errors import InvalidRequest, NotOffered, StorageUnavailable, TooLarge
from .observe import logger

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

UPLOAD_EXPIRES_S: Final = 900
PART_PREFIX: Final = ".part-"
"""Of a file on its way; one that a killed process left is deleted by ``local.uploads.discard_old``."""
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

    def erase(self, prefix: str) -> int:
        """Delete every object below a prefix with all its versions; gives how many."""

    def presign(self, key: str, content_type: str, size_bytes: int) -> tuple[str, dict[str, str]]:
        """Give the address and form fields by which a caller may put exactly this object, for a while."""


def safe_key(key: str) -> str:
    """Give a key that names an object inside its store, wherever its parts come from.

    Raises
    ------
    InvalidRequest
        For a key with a part that is empty or of dots alone, or with a control character.
    """
    parts = key.split("/")
    if not all(part.strip(".") for part in parts) or "\\" in key or any(ord(character) < 0x20 for character in key):
        raise InvalidRequest(
            "The key of an object must be names with single slashes between, none of them of dots alone."
        )
    return key


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
        response = self._call(_ABSENT, self._client.get_object, Bucket=self._name, Key=key)
        if response is None:
            return None
        if response["ContentLength"] > max_bytes:
            raise TooLarge(f"The file has {response['ContentLength']} bytes, more than the limit of {max_bytes}.")
        # A transfer that breaks off is storage not answering, too.
        return bytes(self._call(frozenset(), response["Body"].read))

    def write(self, key: str, data: bytes, content_type: str) -> None:
        """Write an object, over one that is there."""
        put = {"Bucket": self._name, "Key": safe_key(key), "Body": data, "ContentType": content_type}
        self._call(frozenset(), self._client.put_object, **put)

    def write_once(self, key: str, data: bytes, content_type: str) -> bool:
        """Write an object unless it is there: S3's conditional write."""
        options = {
            "Bucket": self._name,
            "Key": safe_key(key),
            "Body": data,
            "ContentType": content_type,
            "IfNoneMatch": "*",
        }
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

    def erase(self, prefix: str) -> int:
        """Delete every version and every delete marker below a prefix; gives how many."""
        count = 0
        pages = self._client.get_paginator("list_object_versions").paginate(Bucket=self._name, Prefix=prefix)
        for page in self._call(frozenset(), lambda: list(pages)):
            versions = [*page.get("Versions", []), *page.get("DeleteMarkers", [])]
            if not versions:
                continue
            objects = [{"Key": version["Key"], "VersionId": version["VersionId"]} for version in versions]
            delete = {"Objects": objects, "Quiet": True}
            done = self._call(frozenset(), self._client.delete_objects, Bucket=self._name, Delete=delete)
            if done.get("Errors"):
                logger.error("storage", extra={"bucket": self._name, "cause": done["Errors"][0].get("Code")})
                raise StorageUnavailable("Not every version could be deleted: ask again.")
            count += len(objects)
        return count

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
        try:
            path = (self._root / key).resolve()
            if not path.is_relative_to(self._root.resolve()) or not path.is_file():
                return None
            if path.stat().st_size > max_bytes:
                raise TooLarge(f"The file has {path.stat().st_size} bytes, more than the limit of {max_bytes}.")
            return path.read_bytes()
        except (OSError, ValueError) as error:  # ValueError: a name that no file system takes
            raise self._unavailable(error) from error

    def write(self, key: str, data: bytes, content_type: str) -> None:
        """Write a file, over one that is there; it appears whole or not at all."""
        with self._written(key, data) as written:
            written.replace(self._root / key)

    def write_once(self, key: str, data: bytes, content_type: str) -> bool:
        """Write a file unless it is there; it appears whole or not at all, and is on disk when this returns."""
        with self._written(key, data) as written:
            try:
                (self._root / key).hardlink_to(written)
            except FileExistsError:
                return False
        return True

    def erase(self, prefix: str) -> int:
        """Delete every file below a prefix, or the file that it names with its ticket; gives how many."""
        folder = self._root / safe_key(prefix.rstrip("/"))
        try:
            named = [folder, folder.with_name(f"{folder.name}.ticket"), *folder.rglob("*")]
            files = [path for path in named if path.is_file()]
            for path in files:
                path.unlink(missing_ok=True)
            shutil.rmtree(folder, ignore_errors=True)
        except OSError as error:
            raise self._unavailable(error) from error
        return len(files)

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

    @contextmanager
    def _written(self, key: str, data: bytes) -> Iterator[Path]:
        """Write the data to a temporary file, which is gone when the ``with`` ends, whatever fails."""
        folder = (self._root / safe_key(key)).parent
        part: Path | None = None
        try:
            if not folder.resolve().is_relative_to(self._root.resolve()):  # a link on the way
                raise InvalidRequest("The key of an object leaves its store.")
            folder.mkdir(parents=True, exist_ok=True)
            with tempfile.NamedTemporaryFile(dir=folder, prefix=PART_PREFIX, delete=False) as file:
                part = Path(file.name)
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            yield part
        except OSError as error:
            raise self._unavailable(error) from error
        finally:
            if part is not None:
                part.unlink(missing_ok=True)

    def _unavailable(self, error: Exception) -> StorageUnavailable:
        cause = error.strerror if isinstance(error, OSError) else type(error).__name__
        logger.error("storage", extra={"folder": str(self._root), "cause": cause})
        return StorageUnavailable("Storage did not do it: see the service's log.")
