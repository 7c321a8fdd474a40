"""An MLflow server of another version: what its operator has had for years, and the runs of today."""

import os
import subprocess
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from mlflow import MlflowClient

from local.children import Child
from tests.surroundings import free_port
from training import tracking

ROOT = Path(__file__).resolve().parents[3]
SHIPPED = ROOT / "models" / "default"
OLD = "2.9.2"
"""Of December 2023, a major version behind."""

pytestmark = [pytest.mark.environment, pytest.mark.slow, pytest.mark.usefixtures("tracked")]


@pytest.fixture
def server(tmp_path: Path) -> Iterator[str]:
    """Serve the old MLflow from an environment of its own; gives its address."""
    (uv,) = ROOT.glob(".tools/uv-*/bin/uv")
    python, port = tmp_path / "old" / "bin" / "python", free_port()
    subprocess.run([uv, "venv", "--quiet", tmp_path / "old"], check=True)
    # Libraries of its time: it says no upper bound for these.
    wanted = [f"mlflow=={OLD}", "sqlalchemy<2.1", "alembic<1.15", "setuptools<80"]
    subprocess.run([uv, "pip", "install", "--quiet", "--python", python, *wanted], check=True)
    command = ["mlflow", "server", "--host", "127.0.0.1", "--port", str(port), "--workers", "1"]
    command += [
        "--backend-store-uri",
        f"sqlite:///{tmp_path}/served.db",
        "--artifacts-destination",
        str(tmp_path / "a"),
    ]
    environment = {**os.environ, "PATH": f"{python.parent}:{os.environ['PATH']}", "PYTHONPATH": str(ROOT)}
    address = f"http://127.0.0.1:{port}"
    with Child("mlflow", command, tmp_path, environment, str(python)) as started:
        started.wait_until(lambda: _version(address) == OLD, timeout_s=500)
        yield address


def _version(address: str) -> str:
    try:
        with urllib.request.urlopen(f"{address}/version", timeout=2) as answer:
            return str(answer.read().decode())
    except OSError:
        return ""


def test_it_gets_a_run_whole(
    server: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", server)
    monkeypatch.delenv("LEUKOLENS_TRACKING", raising=False)
    with tracking.run("today", parameters={"epochs": 1}) as run:
        run.epoch(1, {"loss": 0.25})
        run.model(SHIPPED, version="2.1.0")
    assert "MLflow at" not in capsys.readouterr().err
    client = MlflowClient(server)
    (version,) = client.search_model_versions("name = 'leukolens'")
    kept = client.get_run(version.run_id)
    assert kept.info.status == "FINISHED"
    assert kept.data.params["epochs"] == "1"
    assert kept.data.metrics["loss"] == 0.25
    # Today's client cannot list what the old server keeps; its folder can.
    assert [path.read_bytes() for path in (tmp_path / "a").rglob("model.tflite")] == [
        (SHIPPED / "model.tflite").read_bytes()
    ]
