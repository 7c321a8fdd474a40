"""The model that goes into the image: the shipped one, or the one that the environment names, fetched and verified."""

import hashlib
import json
import shutil
import tempfile
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import url2pathname

from inference import ModelError
from inference.card import folder_digest, model_digest
from infra.config import Model
from infra.environments import ConfigError

ROOT = Path(__file__).resolve().parent.parent
DEFAULT = ROOT / "models" / "default"
CACHE = ROOT / ".work" / "models"
FILES = ("model.tflite", "model.json")


class NotFetchedError(ConfigError):
    """The model is in S3 and not here, and nothing may be asked of the network."""


def model_sha256(model: Model | None) -> str:
    """Give the digest over file and card of the model that an environment serves: its own, or the shipped one's.

    Raises
    ------
    ConfigError
        If the shipped model or its card is missing.
    """
    if model is not None:
        return model.sha256
    try:
        return folder_digest(DEFAULT)
    except ModelError as error:
        raise ConfigError(f"models/default: {error}") from None


def model_folder(model: Model | None, cache: Path = CACHE, *, offline: bool = False) -> Path:
    """Give the folder of ``model.tflite`` and ``model.json`` that an environment serves.

    Parameters
    ----------
    model
        What the environment names; ``None`` is the shipped model.
    cache
        Where fetched models stay, by hash.
    offline
        Take a model of S3 from the cache alone.

    Raises
    ------
    NotFetchedError
        If the model would have to be fetched, and ``offline`` says not to.
    ConfigError
        If the model is missing, cannot be fetched, or is not the one that the environment and its card name.
    """
    if model is None:
        for name in FILES:
            if not (DEFAULT / name).is_file():
                raise ConfigError(f"models/default/{name} is missing: restore it from git, or run make train")
        return DEFAULT
    folder = cache / model.sha256
    if not folder.is_dir():
        if offline and model.uri.startswith("s3:"):
            raise NotFetchedError(f"{model.uri} is not here")
        cache.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=cache) as fetched:
            _fetch(model.uri, Path(fetched))
            _verify(Path(fetched), model)
            shutil.copytree(fetched, folder)
    _verify(folder, model)
    return folder


def _fetch(uri: str, folder: Path) -> None:
    parts = urlsplit(uri)
    for name in FILES:
        try:
            if parts.scheme == "s3":
                _download(parts.netloc, f"{parts.path.strip('/')}/{name}", folder / name)
            else:
                shutil.copy(Path(url2pathname(parts.path)) / name, folder / name)
        except OSError as error:
            raise ConfigError(f"model.uri: {uri.rstrip('/')}/{name} cannot be read: {error}") from None


def _download(bucket: str, key: str, path: Path) -> None:
    import boto3
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        boto3.client("s3").download_file(bucket, key, str(path))
    except (BotoCoreError, ClientError) as error:
        raise OSError(str(error)) from None


def _verify(folder: Path, model: Model) -> None:
    """Refuse a file or a card other than the environment's: one digest covers both, as ``inference`` makes it."""
    actual = hashlib.sha256((folder / "model.tflite").read_bytes()).hexdigest()
    card = (folder / "model.json").read_bytes()
    digest = model_digest(actual, card)
    if digest != model.sha256:
        raise ConfigError(
            f"model.sha256: {model.uri} has the digest {digest} over model.tflite and model.json, not {model.sha256}: "
            "correct the environment's file, or find out who changed the model"
        )
    try:
        named = json.loads(card)["sha256"]
    except (ValueError, KeyError) as error:
        raise ConfigError(f"model.uri: {model.uri}/model.json is no model card: {error!r}") from None
    if named != actual:
        raise ConfigError(f"model.uri: {model.uri}/model.json is the card of another file, with sha256 {named}")
