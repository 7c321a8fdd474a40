"""The function's settings: the one place that reads its environment."""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Final

PREFIX: Final = "LEUKOLENS_"
_HERE: Final = Path(__file__).resolve().parent
_FOLDERS: Final = frozenset({"answered_file", "model_dir", "models_dir"})
_COUNTS: Final = frozenset({"feedback_days", "threads"})
_DIGEST: Final = re.compile(r"[0-9a-f]{64}")


class SettingsError(ValueError):
    """An environment variable is unknown or cannot be read; names it."""


def _default_model_dir() -> Path:
    """Find ``models/default`` in the image (beside this file) or in a checkout (beside ``lambda/``)."""
    in_image = _HERE / "models" / "default"
    return in_image if in_image.is_dir() else _HERE.parent / "models" / "default"


@dataclass(frozen=True)
class Settings:
    """What a deployment can choose; each field is read from ``LEUKOLENS_<NAME>``.

    Attributes
    ----------
    model_dir
        Folder of the model file and its card; the folder's name is the model's.
    models_dir
        Folder of further models, one sub-folder each, for ``?model=``; None offers ``model_dir`` alone.
    default_model
        Which of them answers where a request names none; empty is ``model_dir``.
    model_sha256
        What ``inference.model_digest`` must give over file and card: one for the default model, or ``name=digest`` for
        several, separated by commas. A model that is not named is taken as it lies there.
    uploads_bucket, feedback_bucket
        S3 buckets, or ``file:///folder`` on a laptop; empty turns the routes that need them off.
    max_body_bytes
        Largest request body. The default fits Lambda's 6 MB payload in base64, with its headers.
    max_pixels
        Largest width x height of an image.
    max_upload_bytes
        Largest file that goes through an upload.
    feedback_days
        How long feedback is kept: each record names its last day, and the bucket's lifecycle deletes by it.
    answered_file
        On a laptop: where answered requests are written down, of which alone feedback is then taken.
    threads
        Of one forward pass. More help only where the process has its cores to itself: they wait for each other busily.
    """

    model_dir: Path = field(default_factory=_default_model_dir)
    uploads_bucket: str = ""
    feedback_bucket: str = ""
    max_body_bytes: int = 4_500_000
    max_pixels: int = 100_000_000
    max_upload_bytes: int = 25_000_000
    threads: int = 1
    models_dir: Path | None = None
    default_model: str = ""
    model_sha256: str = ""
    feedback_days: int = 1_825
    answered_file: Path | None = None

    def __post_init__(self) -> None:
        for name, digest in self._digests().items():
            if not _DIGEST.fullmatch(digest):
                raise SettingsError(
                    f"{PREFIX}MODEL_SHA256 has {digest!r} for {name}: give a SHA-256 in hexadecimal over the model's "
                    "file and card, as GET /v1/models tells it."
                )

    def digest_of(self, model: str) -> str | None:
        """Give the digest that a model must have; None where none is set."""
        return self._digests().get(model)

    def _digests(self) -> dict[str, str]:
        default = self.default_model or self.model_dir.resolve().name
        parts = [part.strip() for part in self.model_sha256.split(",") if part.strip()]
        pairs = [part.split("=", 1) if "=" in part else (default, part) for part in parts]
        return {name.strip(): digest.strip() for name, digest in pairs}


def load_settings(environment: Mapping[str, str] = os.environ) -> Settings:
    """Read the settings.

    Parameters
    ----------
    environment
        Variables by name.

    Returns
    -------
    Settings
        Defaults where a variable is absent.

    Raises
    ------
    SettingsError
        Where a limit is not a positive whole number or a digest is none, or, in Lambda, where a ``LEUKOLENS_`` variable
        is unknown. (On a laptop the same shell also holds the page's and the tests' variables.)
    """
    known = {PREFIX + setting.name.upper(): setting.name for setting in fields(Settings)}
    unknown = sorted(name for name in environment if name.startswith(PREFIX) and name not in known)
    if unknown and "AWS_LAMBDA_FUNCTION_NAME" in environment:
        raise SettingsError(f"Unknown settings {', '.join(unknown)}; the known ones are {', '.join(sorted(known))}.")
    texts = {name: environment[variable] for variable, name in known.items() if variable in environment}
    values: dict[str, str | int | Path] = {}
    for name, text in texts.items():
        if name.startswith("max_") or name in _COUNTS:
            values[name] = _positive(PREFIX + name.upper(), text)
        else:
            values[name] = Path(text) if name in _FOLDERS else text
    return Settings(**values)  # type: ignore[arg-type]


def _positive(variable: str, text: str) -> int:
    if not (text.isascii() and text.isdigit() and int(text) > 0):
        raise SettingsError(f"{variable} is {text!r}: give a whole number above 0.")
    return int(text)
