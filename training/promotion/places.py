"""Where an environment keeps what a promotion reads and writes."""

from dataclasses import dataclass
from pathlib import Path

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from infra import model as served_model
from infra.config import Environment, Model
from infra.environments import ENVIRONMENTS, ConfigError, load_environment
from infra.stack import Output, read_outputs, stack_name
from training.data.labels import DataError
from training.data.manifest import MANIFEST_NAME, parse, read
from training.data.s3 import Bucket
from training.data.validation import manifest_of
from training.promotion.candidate import Candidate
from training.promotion.command import PromotionError
from training.promotion.history import FOLDER, Served

CONNECTIONS = 4
DATA_PREFIX = "smears"
"""Of the data bucket, where ``python -m training ingest`` is told to put fields (docs/training.md)."""


@dataclass(frozen=True)
class Places:
    """An environment's file, and its buckets.

    Attributes
    ----------
    folder
        Of the environments' files.
    environment
        As the file says now.
    models_uri
        ``s3://BUCKET`` of models and of the history.
    """

    folder: Path
    environment: Environment
    models_uri: str

    @property
    def file(self) -> Path:
        """The environment's file."""
        return self.folder / f"{self.environment.name}.toml"

    @property
    def histories(self) -> Bucket:
        """What each environment served before."""
        return Bucket(f"{self.models_uri}/{FOLDER}", CONNECTIONS)

    def of_model(self, sha256: str) -> Bucket:
        """Give the place of a model, which its hash names."""
        return Bucket(f"{self.models_uri}/models/{sha256}", CONNECTIONS)

    def fetch(self, model: Model | None) -> Path:
        """Give the verified folder of a model that the file names, or of the shipped one.

        Raises
        ------
        PromotionError
            It cannot be fetched, or is another than named.
        """
        try:
            return served_model.model_folder(model, served_model.CACHE)
        except ConfigError as error:
            raise PromotionError(f"the model in service: {error}") from error


def open_places(name: str, bucket: str | None, folder: Path = ENVIRONMENTS) -> Places:
    """Read an environment's file, and find its models bucket.

    Parameters
    ----------
    name
        Of the environment.
    bucket
        ``s3://BUCKET`` of models; asked of the environment's storage stack, if left out.

    Raises
    ------
    PromotionError
        The file cannot be used, or the stack is not there.
    """
    try:
        environment = load_environment(name, folder)
    except ConfigError as error:
        raise PromotionError(str(error)) from error
    uri = bucket or f"s3://{_output(environment, Output.MODELS_BUCKET_NAME)}"
    return Places(folder, environment, Bucket(uri, CONNECTIONS).uri)


def current_digest(manifest: str | None, environment: Environment) -> str:
    """Give the digest of the data's manifest as it is now.

    Parameters
    ----------
    manifest
        A manifest file, a folder of fields, or ``s3://BUCKET/PREFIX``; the environment's own data, if left out.
    environment
        Whose data.

    Raises
    ------
    PromotionError
        There is no manifest, or it is broken.
    BucketError
        It cannot be read.
    """
    location = manifest or f"s3://{_output(environment, Output.DATA_BUCKET_NAME)}/{DATA_PREFIX}"
    try:
        if location.startswith("s3://"):
            content = Bucket(location.removesuffix(MANIFEST_NAME), CONNECTIONS).get(MANIFEST_NAME)
            return parse(content, location).digest
        return (manifest_of(Path(location)) if Path(location).is_dir() else read(Path(location))).digest
    except DataError as error:
        raise PromotionError(f"--manifest: {error}") from error


def in_service(environment: Environment, served: Candidate) -> Served:
    """Describe the model that an environment's file names now."""
    version = served.card.version if served.card else ""
    uri = environment.model.uri if environment.model else None
    return Served(sha256=served.sha256, uri=uri, version=version)


def _output(environment: Environment, key: str) -> str:
    stack = stack_name(environment, "Storage")
    advice = f"deploy it (make deploy ENV={environment.name}), or name the place by --bucket and --manifest"
    try:
        outputs = read_outputs(boto3.client("cloudformation", region_name=environment.region), stack)
    except (BotoCoreError, ClientError) as error:
        raise PromotionError(f"{stack} cannot be asked for {key}: {error}; {advice}") from error
    if outputs is None or key not in outputs:
        raise PromotionError(f"{stack} {'is not there' if outputs is None else f'has no output {key}'}: {advice}")
    return outputs[key]
