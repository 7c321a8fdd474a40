from collections.abc import Iterator
from pathlib import Path

import boto3
import pytest
from moto import mock_aws
from settings import Settings

from api.app import Application

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")  # so that the S3 in process ends with the module, and other tests start with their own
def settings(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settings]:
    """Give settings with every route on offer: uploads to an S3 bucket in process, feedback to a folder."""
    feedback = tmp_path_factory.mktemp("feedback").as_uri()
    with pytest.MonkeyPatch.context() as patch, mock_aws():
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
            patch.setenv(name, "test")
        patch.setenv("AWS_DEFAULT_REGION", "us-east-1")
        patch.delenv("AWS_ENDPOINT_URL", raising=False)
        boto3.client("s3").create_bucket(Bucket="uploads-test")
        yield Settings(uploads_bucket="uploads-test", feedback_bucket=feedback)


@pytest.fixture(scope="module")
def application(settings: Settings) -> Application:
    """Give the API with those settings and the shipped model."""
    return Application(settings)


@pytest.fixture(scope="session")
def sample() -> bytes:
    """Give a synthetic field, 224 x 224 PNG."""
    return (ROOT / "samples" / "synthetic_early_01.png").read_bytes()
