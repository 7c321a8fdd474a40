from pathlib import Path

import pytest

from infra.model import DEFAULT
from training.data.s3 import Bucket, BucketError

from .conftest import Staging, card_of, digest_of, evidence, write_model


def test_back_to_the_model_before(staging: Staging, served: Path, better: Path, capsys: pytest.CaptureFixture[str]):
    before = staging.text
    staging.promote(better)
    capsys.readouterr()
    assert staging.rollback() == 0
    assert staging.text == before
    assert f'+sha256 = "{digest_of(served)}"' in capsys.readouterr().out


def test_back_to_the_shipped_model_leaves_the_file_as_it_came(staging: Staging, better: Path, tmp_path: Path):
    before = staging.text
    again = tmp_path / "shipped"
    again.mkdir()
    card = card_of(DEFAULT).model_copy(update={"evaluation": evidence().model_dump(mode="json")})
    (again / "model.tflite").write_bytes((DEFAULT / "model.tflite").read_bytes())
    (again / "model.json").write_text(card.model_dump_json())
    assert staging.promote(better, "--in-service", str(again)) == 0
    assert staging.serves == digest_of(better)
    assert staging.rollback() == 0
    assert staging.text == before


def test_two_promotions_are_taken_back_one_by_one(
    staging: Staging, served: Path, better: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    best = write_model(tmp_path / "best", "1.2.0", evidence(contiguous=0.97))
    assert [staging.promote(model) for model in (better, best)] == [0, 0]
    shas = [digest_of(model) for model in (best, better)]
    assert staging.serves == shas[0]
    assert staging.rollback() == 0
    assert staging.serves == shas[1]
    assert staging.rollback() == 0
    assert staging.serves == digest_of(served)
    assert staging.rollback() == 2
    assert "no note of what served before" in capsys.readouterr().err


def test_a_dry_run_writes_nothing(staging: Staging, served: Path, better: Path, capsys: pytest.CaptureFixture[str]):
    staging.promote(better)
    before, noted = staging.text, Bucket(staging.bucket, 2).get("promotions/staging.json")
    capsys.readouterr()
    assert staging.rollback("--dry-run") == 0
    assert f'+sha256 = "{digest_of(served)}"' in capsys.readouterr().out
    assert staging.text == before
    assert Bucket(staging.bucket, 2).get("promotions/staging.json") == noted


def test_an_environment_with_the_shipped_model_has_nothing_to_go_back_to(
    staging: Staging, capsys: pytest.CaptureFixture[str]
):
    assert staging.rollback() == 2
    assert "git revert" in capsys.readouterr().err


def test_a_model_that_is_gone_is_not_gone_back_to(
    staging: Staging, served: Path, better: Path, capsys: pytest.CaptureFixture[str]
):
    staging.promote(better)
    before = staging.text
    (served / "model.tflite").write_bytes(b"another")
    # A deploy would find it in the cache of this machine; another machine would not.
    for kept in (staging.environments.parent / "cache").glob("*/model.tflite"):
        kept.write_bytes(b"another")
    assert staging.rollback() == 2
    assert "model.sha256" in capsys.readouterr().err
    assert staging.text == before


def test_a_history_that_cannot_be_written_holds_nobody_up(
    staging: Staging, served: Path, better: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    staging.promote(better)

    def refuse(*_: object) -> str:
        raise BucketError("access denied")

    monkeypatch.setattr(Bucket, "put", refuse)
    assert staging.rollback() == 0
    assert staging.serves == digest_of(served)
    assert "still lists" in capsys.readouterr().err


def test_a_rollback_that_was_never_noted_does_not_confuse_the_next_promotion(
    staging: Staging, served: Path, better: Path, tmp_path: Path
):
    staging.promote(better)
    staging.serve(served)  # by git revert, and nobody told the bucket
    best = write_model(tmp_path / "best", "1.2.0", evidence(contiguous=0.97))
    assert staging.promote(best) == 0
    assert staging.rollback() == 0
    assert staging.serves == digest_of(served)
