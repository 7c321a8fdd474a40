"""Two model files that really answer, measured on paper; an environment; a bucket behind S3's own protocol."""

import hashlib
import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from inference import ModelCard, folder_digest, read_card
from infra import model as served_model
from infra.environments import ENVIRONMENTS, load_environment
from training import cli
from training.data.manifest import MANIFEST_NAME, Manifest, Record
from training.evaluation.results import Estimate, Evidence, Magnified, ProtocolResult

SHIPPED = served_model.DEFAULT
MANIFEST = Manifest.of(
    [Record(key="Benign/1.jpg", sha256="a" * 64, size_bytes=9, label="Benign", width=8, height=8, acquisition=1)]
)


def protocol(score: float) -> ProtocolResult:
    def around(value: float) -> Estimate:
        return Estimate(value=value, low=value - 0.02, high=value + 0.02)

    return ProtocolResult(
        folds=[],
        images=100,
        metrics={"balanced_accuracy": around(score), "expected_calibration_error": around(0.03)},
        sensitivity={},
        specificity={},
        confusion=[],
        reliability=[(0.9, 0.88, 100)],
        risk_coverage=[],
    )


def magnified(wrong: float) -> Magnified:
    return Magnified(
        images=200,
        balanced_accuracy=0.9,
        out_of_distribution=0.1,
        accepted=0.8,
        accepted_wrong=wrong,
        pattern_accepted=0.5,
        pattern_wrong=0.0,
    )


def evidence(random: float = 0.99, contiguous: float = 0.95, wrong: float = 0.004) -> Evidence:
    return Evidence(
        manifest_digest=MANIFEST.digest,
        protocols={"random": protocol(random), "contiguous": protocol(contiguous)},
        shortcuts={"mean_colour": {"random": 0.95, "contiguous": 0.89}, "corner": {"contiguous": 0.4}},
        robustness={},
        strangers={},
        magnifications={"0.5": magnified(0.0), "1": magnified(wrong)},
        parity={"images": 10, "agreement": 1.0, "max_difference": 1e-6},
    )


def write_model(folder: Path, version: str, measured: Evidence | dict[str, Any]) -> Path:
    """Write a model folder; a file with a few bytes after its end is another file that answers alike."""
    folder.mkdir(parents=True)
    content = (SHIPPED / "model.tflite").read_bytes() + version.encode()
    (folder / "model.tflite").write_bytes(content)
    card = read_card(SHIPPED).model_dump(mode="json") | {
        "version": version,
        "sha256": hashlib.sha256(content).hexdigest(),
        "size_bytes": len(content),
        "evaluation": measured.model_dump(mode="json") if isinstance(measured, Evidence) else measured,
    }
    write_card(folder, card)
    return folder


def write_card(folder: Path, card: dict[str, Any]) -> None:
    (folder / "model.json").write_text(json.dumps(card))


def change_card(folder: Path, change: Callable[[dict[str, Any]], object]) -> None:
    card = json.loads((folder / "model.json").read_text())
    change(card)
    write_card(folder, card)


def digest_of(folder: Path) -> str:
    """Give what an environment names a model folder by."""
    return folder_digest(folder)


def card_of(folder: Path) -> ModelCard:
    return read_card(folder)


@dataclass
class Staging:
    """The environment ``staging``, as a person at the command line has it."""

    environments: Path
    bucket: str
    manifest: Path

    @property
    def file(self) -> Path:
        return self.environments / "staging.toml"

    @property
    def text(self) -> str:
        return self.file.read_text()

    @property
    def serves(self) -> str | None:
        """The sha256 that a deploy would take, read as a deploy reads it."""
        model = load_environment("staging", self.environments).model
        return model.sha256 if model else None

    def serve(self, folder: Path) -> None:
        model = f'\n[model]\nuri = "{folder.as_uri()}"\nsha256 = "{digest_of(folder)}"\n'
        self.file.write_text((ENVIRONMENTS / "staging.toml").read_text() + model)

    def promote(self, run: Path | str, *more: str) -> int:
        return self._call("promote", "--run", str(run), "--manifest", str(self.manifest), *more)

    def rollback(self, *more: str) -> int:
        return self._call("rollback", *more)

    def _call(self, command: str, *arguments: str) -> int:
        place = ["--env", "staging", "--environments", str(self.environments), "--bucket", self.bucket]
        return cli.main([command, *arguments, *place])


@pytest.fixture
def staging(tmp_path: Path, bucket_uri: str, monkeypatch: pytest.MonkeyPatch) -> Staging:
    monkeypatch.setattr(served_model, "CACHE", tmp_path / "cache")
    environments = tmp_path / "environments"
    environments.mkdir()
    shutil.copy(ENVIRONMENTS / "staging.toml", environments)
    manifest = tmp_path / MANIFEST_NAME
    manifest.write_bytes(MANIFEST.content)
    return Staging(environments, bucket_uri, manifest)


@pytest.fixture
def served(tmp_path: Path, staging: Staging) -> Path:
    """Give the folder of the model in service, which is measured and is not the shipped one."""
    folder = write_model(tmp_path / "served", "1.0.1", evidence())
    staging.serve(folder)
    return folder


@pytest.fixture
def better(tmp_path: Path) -> Path:
    return write_model(tmp_path / "better", "1.1.0", evidence(contiguous=0.96))
