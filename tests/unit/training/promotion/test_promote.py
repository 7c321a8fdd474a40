import ast
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from training.data.s3 import Bucket, BucketError
from training.promotion import finding, history, places

from .conftest import Staging, change_card, digest_of, evidence, write_model

ROOT = Path(__file__).resolve().parents[4]


def objects(uri: str) -> set[str]:
    return set(Bucket(uri, 2).list())


def test_a_better_model_goes_into_service(
    staging: Staging, served: Path, better: Path, capsys: pytest.CaptureFixture[str]
):
    before = staging.text
    sha256 = digest_of(better)
    assert staging.promote(better) == 0
    assert staging.serves == sha256
    assert objects(staging.bucket) == {
        f"models/{sha256}/model.tflite",
        f"models/{sha256}/model.json",
        "promotions/staging.json",
    }
    assert Bucket(staging.bucket, 2).get(f"models/{sha256}/model.tflite") == (better / "model.tflite").read_bytes()
    told = capsys.readouterr().out
    assert f'+uri = "{staging.bucket}/models/{sha256}"' in told
    assert f'-sha256 = "{digest_of(served)}"' in told
    changed = [line for line in staging.text.splitlines() if line not in before.splitlines()]
    assert len(changed) == 2  # every comment and every other key is as it was


def test_a_deploy_takes_the_promoted_model_from_the_bucket(staging: Staging, served: Path, better: Path):
    staging.promote(better)
    place = places.open_places("staging", staging.bucket, staging.environments)
    assert (place.fetch(place.environment.model) / "model.tflite").read_bytes() == (
        better / "model.tflite"
    ).read_bytes()


def test_a_dry_run_shows_the_change_and_writes_nothing(
    staging: Staging, served: Path, better: Path, capsys: pytest.CaptureFixture[str]
):
    before = staging.text
    assert staging.promote(better, "--dry-run") == 0
    assert f'+sha256 = "{digest_of(better)}"' in capsys.readouterr().out
    assert staging.text == before
    assert objects(staging.bucket) == set()


def test_the_same_promotion_again_changes_nothing(
    staging: Staging, served: Path, better: Path, capsys: pytest.CaptureFixture[str]
):
    staging.promote(better)
    after, noted = staging.text, Bucket(staging.bucket, 2).get("promotions/staging.json")
    capsys.readouterr()
    assert staging.promote(better) == 0
    told = capsys.readouterr()
    assert told.out == ""
    assert "nothing to commit" in told.err
    assert "model.tflite is there" in told.err
    assert staging.text == after
    assert Bucket(staging.bucket, 2).get("promotions/staging.json") == noted


def no_parity(card: dict[str, Any]) -> None:
    card["evaluation"]["parity"] = {}


def bad_parity(card: dict[str, Any]) -> None:
    card["evaluation"]["parity"]["max_difference"] = 0.01


def other_labels(card: dict[str, Any]) -> None:
    card["evaluation"]["parity"]["agreement"] = 0.99


def old_manifest(card: dict[str, Any]) -> None:
    card["evaluation"]["manifest_digest"] = "0" * 64


def uncalibrated(card: dict[str, Any]) -> None:
    del card["evaluation"]["protocols"]["contiguous"]["metrics"]["expected_calibration_error"]


def no_reliability(card: dict[str, Any]) -> None:
    card["evaluation"]["protocols"]["contiguous"]["reliability"] = []


def no_contiguous(card: dict[str, Any]) -> None:
    del card["evaluation"]["protocols"]["contiguous"]


def worse(card: dict[str, Any]) -> None:
    card["evaluation"] = evidence(random=0.96, contiguous=0.929).model_dump(mode="json")


def larger_gap(card: dict[str, Any]) -> None:
    card["evaluation"] = evidence(random=1.0, contiguous=0.952).model_dump(mode="json")


def sure_and_wrong_elsewhere(card: dict[str, Any]) -> None:
    card["evaluation"] = evidence(wrong=0.02).model_dump(mode="json")


def never_magnified(card: dict[str, Any]) -> None:
    card["evaluation"]["magnifications"] = {}


def not_measured(card: dict[str, Any]) -> None:
    card["evaluation"] = {}


def of_another_version(card: dict[str, Any]) -> None:
    card["evaluation"] = {"held_out": {"accuracy": 0.97}}


def no_temperature(card: dict[str, Any]) -> None:
    del card["calibration"]


def another_file(card: dict[str, Any]) -> None:
    card["sha256"] = "f" * 64


@pytest.mark.parametrize(
    ("change", "reasons"),
    [
        (no_parity, ["refused parity: the file was never compared"]),
        (bad_parity, ["refused parity: ", "0.01 at most; 100% and 0.001 are needed"]),
        (other_labels, ["refused parity: file and network agree on 99.00%"]),
        (old_manifest, ["refused manifest: measured on manifest 0000000000000000"]),
        (uncalibrated, ["refused calibration: "]),
        (no_reliability, ["refused calibration: "]),
        (no_contiguous, ["refused calibration: ", "refused not worse: ", "refused shortcut gap: "]),
        (worse, ["refused not worse: 0.9290 on contiguous folds; in service 0.9500 (0.9300 to 0.9700)"]),
        (larger_gap, ["refused shortcut gap: +0.0480 from random to contiguous folds; in service +0.0400"]),
        (sure_and_wrong_elsewhere, ["refused magnification: at 1x 2.00% of fields", "0.5% is the most allowed"]),
        (never_magnified, ["refused magnification: fields at other magnifications were not asked about"]),
        (not_measured, ["refused evidence: the card holds no evaluation"]),
        (of_another_version, ["refused evidence: the card's evaluation is not of this version"]),
        (no_temperature, ["refused card: model.json is no card of a model: calibration"]),
        (another_file, ["refused file: model.tflite has sha256 "]),
    ],
)
def test_a_model_without_the_evidence_is_refused(
    staging: Staging,
    served: Path,
    better: Path,
    capsys: pytest.CaptureFixture[str],
    change: Callable[[dict[str, Any]], None],
    reasons: list[str],
):
    change_card(better, change)
    before = staging.text
    assert staging.promote(better) == 2
    told = capsys.readouterr()
    for reason in reasons:
        assert reason in told.err
    assert told.out == ""
    assert staging.text == before
    assert objects(staging.bucket) == set()


def test_all_reasons_are_told_at_once(staging: Staging, served: Path, better: Path, capsys: pytest.CaptureFixture[str]):
    for change in (bad_parity, old_manifest, uncalibrated, another_file):
        change_card(better, change)
    assert staging.promote(better) == 2
    assert "for 5 reasons: file, parity, manifest, calibration, not worse" in capsys.readouterr().err


def test_a_damaged_file_is_refused(staging: Staging, served: Path, better: Path, capsys: pytest.CaptureFixture[str]):
    (better / "model.tflite").write_bytes(b"not a model")
    assert staging.promote(better) == 2
    assert "refused file: model.tflite has sha256" in capsys.readouterr().err
    (better / "model.tflite").unlink()
    assert staging.promote(better) == 2
    assert "model.tflite is missing" in capsys.readouterr().err


def test_within_the_interval_of_the_model_in_service_is_not_worse(staging: Staging, served: Path, tmp_path: Path):
    almost = write_model(tmp_path / "almost", "1.2.0", evidence(random=0.97, contiguous=0.931))
    assert staging.promote(almost) == 0


def test_a_model_in_service_without_evidence_can_be_measured_again(
    staging: Staging, served: Path, better: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    change_card(served, not_measured)
    staging.serve(served)
    assert staging.promote(better) == 2
    assert "name its folder by --in-service" in capsys.readouterr().err
    again = write_model(tmp_path / "again", "1.0.1", evidence())
    assert staging.promote(better, "--in-service", str(again)) == 0


def test_another_file_is_not_the_model_in_service(
    staging: Staging, served: Path, better: Path, capsys: pytest.CaptureFixture[str]
):
    assert staging.promote(better, "--in-service", str(better)) == 2
    assert "name a folder of that very file" in capsys.readouterr().err


@pytest.mark.parametrize("run", ["no-such-folder", "0" * 31])
def test_what_is_neither_folder_nor_run_is_named(
    staging: Staging, served: Path, run: str, capsys: pytest.CaptureFixture[str]
):
    assert staging.promote(run) == 2
    assert "neither a folder nor the id of an MLflow run" in capsys.readouterr().err


def test_a_manifest_in_the_bucket_counts(staging: Staging, served: Path, better: Path):
    bucket = Bucket(f"{staging.bucket}/fields", 2)
    bucket.put("manifest.jsonl", staging.manifest.read_bytes())
    assert staging.promote(better, "--manifest", bucket.uri) == 0


@pytest.mark.parametrize("broken", ["store", "note"])
def test_a_promotion_that_fails_half_way_leaves_the_environment_and_goes_on(
    staging: Staging, served: Path, better: Path, broken: str, monkeypatch: pytest.MonkeyPatch
):
    before, put = staging.text, Bucket.put

    def refuse(self: Bucket, key: str, data: bytes) -> str:
        if key == {"store": "model.json", "note": "staging.json"}[broken]:
            raise BucketError(f"{key}: access denied")
        return put(self, key, data)

    monkeypatch.setattr(Bucket, "put", refuse)
    assert staging.promote(better) == 1
    assert staging.text == before
    monkeypatch.setattr(Bucket, "put", put)
    assert staging.promote(better) == 0
    assert staging.serves == digest_of(better)


def test_a_file_that_cannot_be_written_leaves_the_history_usable(
    staging: Staging, served: Path, better: Path, monkeypatch: pytest.MonkeyPatch
):
    def full(*_: object) -> None:
        raise OSError("no space left on device")

    with monkeypatch.context() as patched:
        patched.setattr("training.promotion.promote.write_whole", full)
        assert staging.promote(better) == 1
    assert staging.promote(better) == 0
    known = history.read(Bucket(f"{staging.bucket}/promotions", 2), "staging")
    assert [one.version for one in known.served] == ["1.0.1", "1.1.0"]


def test_the_limit_of_a_difference_is_the_parity_gates_own():
    """Read from its source: to import it takes TensorFlow."""
    tree = ast.parse((ROOT / "training" / "serving" / "parity.py").read_text())
    found = [
        ast.literal_eval(node.value)
        for node in tree.body
        if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == "MAX_PROBABILITY_DIFFERENCE"
    ]
    assert found == [finding.MAX_PROBABILITY_DIFFERENCE]
