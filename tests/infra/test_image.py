"""The build context holds what the image holds, and only that changes it."""

import hashlib
import json
import runpy
import shutil

import boto3
import pytest
from moto import mock_aws

from inference import model_digest
from infra import image, model
from infra.config import Model
from infra.environments import NAMES, ConfigError, load_environment


@pytest.fixture
def checkout(tmp_path, monkeypatch):
    for name in ("lambda", "models"):
        shutil.copytree(image.ROOT / name, tmp_path / name)
    shutil.copy(image.ROOT / image.DOCKERFILE, tmp_path)
    monkeypatch.setattr(image, "ROOT", tmp_path)
    monkeypatch.setattr(model, "DEFAULT", tmp_path / "models" / "default")
    return tmp_path


def test_context_is_exact(checkout, tmp_path):
    (checkout / "lambda" / "__pycache__").mkdir(exist_ok=True)
    (checkout / "lambda" / "__pycache__" / "handler.pyc").write_bytes(b"x")
    (checkout / "tests").mkdir()
    context = image.stage_context(load_environment("dev"), tmp_path / "work")
    assert {path.name for path in context.iterdir()} == {"Dockerfile.lambda", "lambda", "models"}
    assert {path.name for path in (context / "models").iterdir()} == {"default"}
    assert not list(context.rglob("*.pyc"))
    assert (context / "lambda" / "handler.py").is_file()


def test_a_file_that_is_gone_leaves_the_context_too(checkout, tmp_path):
    (checkout / "lambda" / "old.py").write_text("")
    image.stage_context(load_environment("dev"), tmp_path / "work")
    (checkout / "lambda" / "old.py").unlink()
    context = image.stage_context(load_environment("dev"), tmp_path / "work")
    assert not (context / "lambda" / "old.py").exists()


def test_a_missing_model_is_named(checkout, tmp_path):
    (checkout / "models" / "default" / "model.tflite").unlink()
    with pytest.raises(ConfigError, match=r"models/default/model\.tflite is missing: .*make train"):
        image.stage_context(load_environment("dev"), tmp_path / "work")


@pytest.fixture
def another(tmp_path):
    """Give a folder with another model and its card, and the environment that names it."""
    folder = tmp_path / "another"
    folder.mkdir()
    (folder / "model.tflite").write_bytes(b"TFL3 another")
    sha256 = hashlib.sha256(b"TFL3 another").hexdigest()
    (folder / "model.json").write_text(json.dumps({"sha256": sha256}))
    named = Model(uri=folder.as_uri(), sha256=model_digest(sha256, (folder / "model.json").read_bytes()))
    return folder, load_environment("dev").model_copy(update={"model": named})


def test_an_environment_serves_the_model_that_it_names(another, tmp_path):
    folder, environment = another
    context = image.stage_context(environment, tmp_path / "work", tmp_path / "cache")
    assert (context / "models" / "default" / "model.tflite").read_bytes() == b"TFL3 another"
    shutil.rmtree(folder)  # fetched once
    assert image.stage_context(environment, tmp_path / "work", tmp_path / "cache") == context


def test_a_model_comes_from_s3(another, tmp_path, monkeypatch):
    folder, environment = another
    for name, value in {
        "AWS_ACCESS_KEY_ID": "x",
        "AWS_SECRET_ACCESS_KEY": "x",
        "AWS_DEFAULT_REGION": "eu-central-1",
    }.items():
        monkeypatch.setenv(name, value)
    named = environment.model.model_copy(update={"uri": "s3://models/1.1.0/"})
    environment = environment.model_copy(update={"model": named})
    with mock_aws():
        s3 = boto3.client("s3")
        with pytest.raises(ConfigError, match=r"model\.uri: s3://models/1\.1\.0/model\.tflite cannot be read"):
            image.stage_context(environment, tmp_path / "work", tmp_path / "cache")
        s3.create_bucket(Bucket="models", CreateBucketConfiguration={"LocationConstraint": "eu-central-1"})
        for path in folder.iterdir():
            s3.upload_file(str(path), "models", f"1.1.0/{path.name}")
        context = image.stage_context(environment, tmp_path / "work", tmp_path / "cache")
    assert (context / "models" / "default" / "model.tflite").read_bytes() == b"TFL3 another"


def test_another_file_than_the_named_one_is_refused(another, tmp_path):
    folder, environment = another
    (folder / "model.tflite").write_bytes(b"TFL3 tampered")
    with pytest.raises(ConfigError, match=r"model\.sha256: .* has the digest \w{64} over .*, not \w{64}"):
        image.stage_context(environment, tmp_path / "work", tmp_path / "cache")
    assert not list((tmp_path / "cache").iterdir())


def test_another_card_of_the_named_file_is_refused(another, tmp_path):
    folder, environment = another
    card = json.loads((folder / "model.json").read_text())
    (folder / "model.json").write_text(json.dumps(card | {"labels": ["swapped"]}))
    with pytest.raises(ConfigError, match="find out who changed the model"):
        image.stage_context(environment, tmp_path / "work", tmp_path / "cache")


def test_the_card_of_another_file_is_refused(another, tmp_path):
    folder, environment = another
    (folder / "model.json").write_text('{"sha256": "0"}')
    file_sha256 = hashlib.sha256((folder / "model.tflite").read_bytes()).hexdigest()
    named = Model(uri=folder.as_uri(), sha256=model_digest(file_sha256, b'{"sha256": "0"}'))
    environment = environment.model_copy(update={"model": named})
    with pytest.raises(ConfigError, match="is the card of another file"):
        image.stage_context(environment, tmp_path / "work", tmp_path / "cache")


def test_a_published_image_is_named_by_digest():
    digest = f"sha256:{'a' * 64}"
    found = image.find_image(
        load_environment("dev"), f"123456789012.dkr.ecr.eu-central-1.amazonaws.com/leukolens@{digest}"
    )
    assert found == image.Published("123456789012", "eu-central-1", "leukolens", digest)


@pytest.mark.parametrize(
    "reference", ["leukolens:latest", "123456789012.dkr.ecr.eu-central-1.amazonaws.com/leukolens:1"]
)
def test_a_tag_is_no_name_of_an_image(reference):
    with pytest.raises(ConfigError, match="by digest and not by tag"):
        image.find_image(load_environment("dev"), reference)


def _promoted(environment):
    return environment.model_copy(update={"model": Model(uri="s3://smears-models/models/1.1.0", sha256="d" * 64)})


@pytest.mark.parametrize("name", NAMES)
def test_synthesis_asks_nothing_of_the_network_for_a_promoted_model(tmp_path, monkeypatch, name):
    """What is synthesised without the model cannot be built, and its build says what to do."""
    monkeypatch.setattr("infra.model._download", lambda *_: pytest.fail("asked S3"))
    context = image.stage_context(_promoted(load_environment(name)), tmp_path / "work", tmp_path, offline=True)
    copied = [line for line in (context / image.DOCKERFILE).read_text().splitlines() if line.startswith("COPY")]
    assert copied == [f"COPY the-model-is-not-here-run-make-fetch-ENV={name} /"]
    assert not (context / copied[0].split()[1]).exists()


def test_a_promoted_model_that_was_fetched_goes_into_the_image(another, tmp_path):
    _, environment = another
    image.stage_context(environment, tmp_path / "work", tmp_path / "cache")
    in_s3 = environment.model.model_copy(update={"uri": "s3://smears-models/models/1.1.0"})
    environment = environment.model_copy(update={"model": in_s3})
    context = image.stage_context(environment, tmp_path / "work", tmp_path / "cache", offline=True)
    assert (context / "models" / "default" / "model.tflite").read_bytes() == b"TFL3 another"


def test_production_is_synthesised_with_a_promoted_model_without_network_and_credentials(rolled_back):
    """The very app, with every address refused but this machine's."""
    functions = rolled_back["Inference"].properties("AWS::Lambda::Function")
    assert any("ImageUri" in function["Code"] for function in functions)


def test_an_image_of_another_region_is_refused():
    reference = f"123456789012.dkr.ecr.us-east-1.amazonaws.com/leukolens@sha256:{'a' * 64}"
    for find in (image.find_image, image.find_page):
        with pytest.raises(ConfigError, match="is in us-east-1, and dev in eu-central-1"):
            find(load_environment("dev"), reference)


def test_the_app_runs_the_images_that_the_cli_hands_over(monkeypatch, tmp_path):
    """Both: a page that was built anew would be another than the one that was tested, or that a rollback names."""
    import aws_cdk as cdk

    given = [f"123456789012.dkr.ecr.eu-central-1.amazonaws.com/leukolens@sha256:{one * 64}" for one in "ab"]
    made = cdk.App(context={"env": "dev", "image": given[0], "page": given[1]}, outdir=str(tmp_path))
    composed: list[str] = []
    monkeypatch.setattr("aws_cdk.App", lambda: made)
    monkeypatch.setattr("infra.system.compose", lambda _app, _env, *images: composed.extend(i.uri for i in images))
    runpy.run_path(str(image.ROOT / "app.py"), run_name="__main__")
    assert composed == given
