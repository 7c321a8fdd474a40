"""A model that ``adapt`` made goes into service by what it showed on groups left out."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from .conftest import MANIFEST, Staging, change_card, digest_of, protocol, write_model

PARITY = {"images": 10, "agreement": 1.0, "max_difference": 1e-6}


@pytest.fixture
def own(tmp_path: Path) -> Path:
    """Give a model folder as ``adapt`` writes its card, of classes that the model in service does not have."""
    evaluation = {
        "manifest_digest": MANIFEST.digest,
        "headline": "Balanced accuracy 0.900 over 2 classes, on 12 patients left out.",
        "protocols": {"slides": protocol(0.9).model_dump(mode="json")},
        "shortcuts": {"mean_colour": {"slides": 0.6}},
        "learning_curve": {"balanced_accuracy_by_images": {"20": 0.8}, "expected_with_more_images": {"25": 0.91}},
    }
    folder = write_model(tmp_path / "own", "2026.11.28", evaluation)

    def adapted(card: dict[str, Any]) -> None:
        card["training"] = {"base": {"version": "2.0.0"}, "parity": PARITY}
        for number, one in enumerate(card["classes"]):
            one["id"] = f"kind-{number}"
        card["prediction_set"]["minimum_probability"] = 0.5
        card["triage"] = None

    change_card(folder, adapted)
    return folder


def test_it_replaces_a_model_of_other_classes(staging: Staging, served: Path, own: Path) -> None:
    assert staging.promote(own) == 0
    assert staging.serves == digest_of(own)


def evaluation_of(card: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = card["evaluation"]
    return found


def without_groups(card: dict[str, Any]) -> None:
    protocols = evaluation_of(card)["protocols"]
    protocols["random"] = protocols.pop("slides")


def no_better_than_colour(card: dict[str, Any]) -> None:
    evaluation_of(card)["shortcuts"]["mean_colour"]["slides"] = 0.885


def of_other_images(card: dict[str, Any]) -> None:
    evaluation_of(card)["manifest_digest"] = "0" * 64


def never_compared(card: dict[str, Any]) -> None:
    del card["training"]["parity"]


def uncalibrated(card: dict[str, Any]) -> None:
    del evaluation_of(card)["protocols"]["slides"]["metrics"]["expected_calibration_error"]


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (without_groups, "refused groups: images of one patient were on both sides: name patients in groups.csv"),
        (no_better_than_colour, "refused shortcut: balanced_accuracy at least 0.880"),
        (of_other_images, "refused manifest: measured on manifest 0000000000000000"),
        (never_compared, "refused parity: the file was never compared"),
        (uncalibrated, "refused calibration: "),
    ],
)
def test_without_evidence_it_does_not(
    staging: Staging,
    served: Path,
    own: Path,
    capsys: pytest.CaptureFixture[str],
    change: Callable[[dict[str, Any]], None],
    reason: str,
) -> None:
    change_card(own, change)
    before = staging.text
    assert staging.promote(own) != 0
    assert reason in capsys.readouterr().err
    assert staging.text == before


def test_it_must_not_be_worse_than_one_of_the_same_classes(
    staging: Staging, own: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    staging.serve(own)
    worse = tmp_path / "worse"
    worse.mkdir()
    for path in own.iterdir():
        (worse / path.name).write_bytes(path.read_bytes())

    def lower(card: dict[str, Any]) -> None:
        card["evaluation"]["protocols"]["slides"] = protocol(0.87).model_dump(mode="json")

    change_card(worse, lower)
    assert staging.promote(worse) != 0
    assert (
        "refused not worse: 0.8700 on groups left out; in service 0.9000 (0.8800 to 0.9200)" in capsys.readouterr().err
    )
