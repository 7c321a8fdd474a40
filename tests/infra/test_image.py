"""The build context holds what the image holds, and only that changes it."""

import shutil

import pytest

from infra import image
from infra.environments import ConfigError, load_environment


@pytest.fixture
def checkout(tmp_path, monkeypatch):
    for name in ("lambda", "models"):
        shutil.copytree(image.ROOT / name, tmp_path / name)
    shutil.copy(image.ROOT / image.DOCKERFILE, tmp_path)
    monkeypatch.setattr(image, "ROOT", tmp_path)
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
