import json
import subprocess
from pathlib import Path

import boto3
import pytest
from moto import mock_aws

from infra.environments import ConfigError, load_environment
from infra.operations.publish import REPOSITORY, publish


@pytest.fixture
def ecr(monkeypatch):
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    with mock_aws():
        yield boto3.client("ecr", region_name="eu-central-1")


def published(ecr, tag):
    layer = {
        "mediaType": "application/vnd.docker.image.rootfs.diff.tar.gzip",
        "size": 1,
        "digest": "sha256:" + "a" * 64,
    }
    manifest = {
        "schemaVersion": 2,
        "mediaType": "application/vnd.docker.distribution.manifest.v2+json",
        "config": {"mediaType": "application/vnd.docker.container.image.v1+json", "size": 1, "digest": layer["digest"]},
        "layers": [layer],
    }
    put = ecr.put_image(repositoryName=REPOSITORY, imageManifest=json.dumps(manifest), imageTag=tag)
    return put["image"]["imageId"]["imageDigest"]


def test_without_a_repository_the_delivery_stack_is_named(ecr):
    with pytest.raises(ConfigError, match="delivery stack"):
        publish(load_environment("dev"), "abc", ecr)


def test_a_published_tag_is_not_built_again_and_comes_by_its_digest(ecr, monkeypatch):
    ecr.create_repository(repositoryName=REPOSITORY)
    digest = published(ecr, "abc")
    monkeypatch.setenv("PATH", "/nowhere")  # with no engine to be found, a build would fail
    reference = publish(load_environment("dev"), "abc", ecr)
    assert reference.endswith(f".dkr.ecr.eu-central-1.amazonaws.com/{REPOSITORY}@{digest}")


@pytest.mark.container
def test_a_new_tag_is_built_and_pushed_with_a_login_that_does_not_stay(ecr, engine, monkeypatch, tmp_path):
    """The registry is AWS's; all up to its door is real, and the engine is told to knock with our login."""
    ecr.create_repository(repositoryName=REPOSITORY)
    seen = tmp_path / "seen"
    wrapper = tmp_path / "engine"
    wrapper.write_text(
        f'#!/bin/sh\nif [ "$1" = push ]; then cp "$REGISTRY_AUTH_FILE" {seen}; echo "$3" >> {seen}; exit 0; fi\n'
        f'exec {engine} "$@"\n'
    )
    wrapper.chmod(0o755)
    monkeypatch.setenv("CDK_DOCKER", str(wrapper))
    before = set(Path("/tmp").glob("tmp*/config.json"))
    pushed = []
    monkeypatch.setattr(
        "infra.operations.publish._digest", lambda ecr, tag: pushed.pop() if seen.exists() and pushed else None
    )
    pushed.append("sha256:" + "b" * 64)
    reference = publish(load_environment("dev"), "new", ecr)
    login, name = seen.read_text().splitlines()
    registry = name.partition("/")[0]
    assert json.loads(login)["auths"][registry]["auth"]
    assert name.endswith(f"/{REPOSITORY}:new")
    assert reference.endswith("@sha256:" + "b" * 64)
    assert set(Path("/tmp").glob("tmp*/config.json")) == before
    built = subprocess.run([engine, "image", "inspect", name], capture_output=True)
    assert built.returncode == 0
    subprocess.run([engine, "rmi", name], capture_output=True)
