"""What is published: built once, for the right processor, by a login that does not stay."""

import json
import subprocess
import tempfile
from pathlib import Path

import boto3
import pytest
from moto import mock_aws

from infra.environments import ConfigError, load_environment
from infra.image import REPOSITORY, stage_context
from infra.model import model_sha256
from infra.operations.publish import publish
from infra.operations.published import tags_of
from infra.rehearsal.container import build_image
from tests.infra.registry import push


@pytest.fixture
def ecr(monkeypatch):
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    with mock_aws():
        yield boto3.client("ecr", region_name="eu-central-1")


def test_without_a_repository_the_delivery_stack_is_named(ecr):
    with pytest.raises(ConfigError, match="delivery stack"):
        publish(load_environment("dev"), "abc", ecr)


def test_what_is_published_is_not_built_again_and_comes_by_its_digest_with_its_model(ecr, monkeypatch):
    ecr.create_repository(repositoryName=REPOSITORY)
    image, page = push(ecr, "abc"), push(ecr, "page-abc")
    monkeypatch.setenv("PATH", "/nowhere")  # with no engine to be found, a build would fail
    environment = load_environment("dev")
    for _ in range(2):  # a run that is started again
        assert publish(environment, "abc", ecr) == {"image": image, "page": page}
    assert tags_of(image, ecr).model == model_sha256(None)


@pytest.fixture
def spy(tmp_path, monkeypatch, ecr):
    """Give a container engine that notes what it is told, and what it notes."""
    noted = tmp_path / "noted"
    engine = tmp_path / "engine"
    engine.write_text(
        f'#!/bin/sh\necho "$@" >> {noted}\n[ "$1" = push ] && cat "$REGISTRY_AUTH_FILE" >> {noted}\nexit 0\n'
    )
    engine.chmod(0o755)
    monkeypatch.setenv("CDK_DOCKER", str(engine))
    ecr.create_repository(repositoryName=REPOSITORY)
    digests = iter([None, push(ecr, "x").digest, None, push(ecr, "y").digest])
    monkeypatch.setattr("infra.operations.publish._digest", lambda ecr, tag: next(digests))
    return noted


@pytest.mark.parametrize(("architecture", "platform"), [("arm64", "linux/arm64"), ("x86_64", "linux/amd64")])
def test_the_functions_image_is_built_for_their_architecture(ecr, spy, architecture, platform):
    environment = load_environment("dev")
    inference = environment.inference.model_copy(update={"architecture": architecture})
    publish(environment.model_copy(update={"inference": inference}), "new", ecr)
    functions, page = [line for line in spy.read_text().splitlines() if line.startswith("build")]
    assert f"--platform {platform} " in functions
    assert "--platform linux/amd64 " in page


def test_a_login_is_for_one_push_and_does_not_stay(ecr, spy):
    before = set(Path(tempfile.gettempdir()).glob("tmp*/config.json"))
    publish(load_environment("dev"), "new", ecr)
    pushed = [line.split()[-1] for line in spy.read_text().splitlines() if line.startswith("push")]
    assert [name.rpartition(":")[2] for name in pushed] == ["new", "page-new"]
    registry = pushed[0].partition("/")[0]
    login = next(line for line in spy.read_text().splitlines() if line.startswith("{"))
    assert json.loads(login)["auths"][registry]["auth"]
    assert set(Path(tempfile.gettempdir()).glob("tmp*/config.json")) == before


@pytest.mark.container
def test_an_engine_builds_what_is_published(engine, tmp_path):
    """Up to the registry's door, which is AWS's."""
    name = "localhost/leukolens:published"
    context = stage_context(load_environment("dev"), tmp_path)
    build_image(engine, context, name, platform="linux/amd64")
    built = subprocess.run([engine, "image", "inspect", name], capture_output=True)
    assert json.loads(built.stdout)[0]["Architecture"] == "amd64"
    subprocess.run([engine, "rmi", name], capture_output=True)
