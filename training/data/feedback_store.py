"""What reviewers labelled, as ``lambda/api/feedback.py`` keeps it: read from a bucket or from a laptop's folder."""

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from inference.classes import CLASS_ID
from training.data.labels import DataError
from training.data.s3 import Bucket

FOLDER = "feedback"
LOCAL = Path(".work/local")
"""Where ``python -m local serve`` keeps it."""
CONNECTIONS = 16


class _KeptImage(BaseModel):
    model_config = ConfigDict(extra="ignore")

    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    format: str = Field(pattern=r"^[a-z0-9]{2,8}$")


class _Record(BaseModel):
    model_config = ConfigDict(extra="ignore")

    request_id: str
    label: str = Field(pattern=CLASS_ID)
    specimen: str | None = None
    reviewer: str | None = None
    subject: str = ""
    consent: bool
    image: _KeptImage | None = None
    received_at: str


@dataclass(frozen=True)
class Judgement:
    """One reviewer's label for one image.

    Attributes
    ----------
    image : str
        sha256 of the kept pixels: the same image sent twice is one.
    key : str
        Of these pixels in the store.
    label : str
    reviewer : str
        Name or subject of the token; empty where neither is known.
    specimen : str
        Empty where none was told.
    received_at : str
        ISO 8601; of two labels by one reviewer the later one counts.
    """

    image: str
    key: str
    label: str
    reviewer: str
    specimen: str
    received_at: str


@dataclass(frozen=True)
class Store:
    """Objects of feedback by key, and what reads one."""

    keys: tuple[str, ...]
    read: Callable[[str], bytes]

    def judgements(self) -> Iterator[Judgement]:
        """Give every label whose image was kept with consent and still lies there.

        Raises
        ------
        DataError
            A record is not one; names it.
        """
        stored_keys = set(self.keys)
        for key in sorted(self.keys):
            if not key.endswith(".json"):
                continue
            try:
                record = _Record.model_validate_json(self.read(key))
            except ValidationError as error:
                raise DataError(f"{key} is no record of feedback ({error.errors()[0]['msg']}): remove it") from error
            if not record.consent or record.image is None:
                continue
            image_key = f"{key.rpartition('/')[0]}/{record.image.sha256}.{record.image.format}"
            # Erased, or past its day: what is not there is never asked for elsewhere.
            if image_key in stored_keys:
                yield Judgement(
                    record.image.sha256,
                    image_key,
                    record.label,
                    record.reviewer or record.subject,
                    record.specimen or "",
                    record.received_at,
                )

    def pixels(self, judgement: Judgement) -> tuple[bytes, str]:
        """Read an image; gives its type, too.

        Raises
        ------
        DataError
            It is not what was kept.
        """
        content = self.read(judgement.key)
        if hashlib.sha256(content).hexdigest() != judgement.image:
            raise DataError(f"{judgement.key} is not the image that was kept: remove it")
        return content, judgement.key.rpartition(".")[2]


def open_store(source: str) -> Store:
    """Open ``s3://BUCKET``, ``local``, or the folder that a local server keeps its data in.

    Raises
    ------
    DataError, BucketError
        There is none.
    """
    if source.startswith("s3://"):
        bucket = Bucket(source, CONNECTIONS)
        return Store(tuple(key for key in bucket.list() if key.startswith(f"{FOLDER}/")), bucket.get)
    root = LOCAL if source == "local" else Path(source)
    if not (root / FOLDER).is_dir():
        raise DataError(f"{root} holds no {FOLDER}: give s3://BUCKET, or the folder of a local server's data (--data)")
    paths = (path for path in (root / FOLDER).rglob("*") if path.is_file() and not path.name.startswith("."))
    return Store(tuple(path.relative_to(root).as_posix() for path in paths), lambda key: (root / key).read_bytes())
