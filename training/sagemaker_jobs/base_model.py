"""The model whose network a job of ``adapt`` builds on: put into the models bucket, where a channel reads it."""

from pathlib import Path
from typing import Any

from inference import CARD_NAME, ModelCard, ModelError, folder_digest, read_card, sha256_of
from training.data.s3 import Bucket
from training.sagemaker_jobs.deployment import Deployment
from training.sagemaker_jobs.errors import LaunchError, explained

_FOLDER = "bases"
_STATISTICS = "statistics"
"""Of a card's ``training``: names the file that a base lends (``training.models.base_statistics``)."""


def base_uri(folder: Path, deployment: Deployment, *, needs_statistics: bool) -> str:
    """Give the prefix in S3 of a base, which its digest names: the same base is stored once.

    Parameters
    ----------
    folder
        A model folder.
    deployment
        Whose models bucket.
    needs_statistics
        Whether its classes are to be kept, by what it lends.

    Raises
    ------
    LaunchError
        It is no whole model, or lends nothing.
    """
    try:
        card = read_card(folder)
        if sha256_of(folder / card.file) != card.sha256:
            raise LaunchError(f"--base {folder}: {card.file} is not the file that its card names: restore it")
        digest = folder_digest(folder)
    except (ModelError, OSError) as error:
        raise LaunchError(f"--base {folder}: {error}") from error
    if needs_statistics and not (folder / _statistics_name(card)).is_file():
        raise LaunchError(f"--add-to-base: {folder} has no {_statistics_name(card)} of its classes; leave it out")
    return f"{deployment.output}/{_FOLDER}/{digest[:16]}"


def upload_base(folder: Path, uri: str, deployment: Deployment, session: Any) -> None:
    """Put a base where ``base_uri`` says; the card goes last, since a model is whole when its card is there."""
    card = read_card(folder)
    with explained(f"write to {uri}", deployment.policy):
        bucket = Bucket(uri, session=session)
        for name in (card.file, _statistics_name(card), CARD_NAME):
            if (folder / name).is_file():
                bucket.put(name, (folder / name).read_bytes())


def _statistics_name(card: ModelCard) -> str:
    statistics = card.training.get(_STATISTICS)
    return str(statistics["file"]) if isinstance(statistics, dict) and "file" in statistics else f"{_STATISTICS}.npz"
