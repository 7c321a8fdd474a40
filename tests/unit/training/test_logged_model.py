"""The logged model where nothing of this project is: an environment of its own requirements."""

import json
import subprocess
import tomllib
import urllib.request
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from api.answers import as_prediction
from inference import load
from tests.surroundings import free_port
from training.tracking import logged_model

ROOT = Path(__file__).resolve().parents[3]
SHIPPED = ROOT / "models" / "default"
FIELD = min((ROOT / "samples").glob("*.png"))
CODE = """
import json, sys
import mlflow.pyfunc
model = mlflow.pyfunc.load_model(sys.argv[1])
(answer,) = model.predict([{"image": open(sys.argv[2], "rb").read()}])
assert not {"training", "tensorflow"} & set(sys.modules)
print(json.dumps(answer))
"""


def test_the_logged_requirements_are_those_of_the_group() -> None:
    groups = tomllib.loads((ROOT / "pyproject.toml").read_text())["dependency-groups"]
    lines = [line for line in groups["inference"] + groups["intake"] if isinstance(line, str)]
    named = {Requirement(line).name for line in lines}
    assert set(logged_model.NEEDED) == named | {"mlflow"}


def test_the_signature_takes_bytes_or_a_path_and_gives_the_apis_answer(tmp_path: Path) -> None:
    logged_model.save(SHIPPED, tmp_path / "model")
    described = (tmp_path / "model" / "MLmodel").read_text()
    assert '"name": "image"' in described
    assert '"name": "path"' in described
    assert '"name": "triage"' in described
    assert not list((tmp_path / "model").rglob("*.keras"))


@pytest.mark.environment
@pytest.mark.slow
def test_it_loads_and_serves_in_an_environment_of_its_requirements_alone(tmp_path: Path) -> None:
    logged_model.save(SHIPPED, tmp_path / "model")
    (uv,) = ROOT.glob(".tools/uv-*/bin/uv")
    python = tmp_path / "clean" / "bin" / "python"
    subprocess.run([uv, "venv", "--quiet", tmp_path / "clean"], check=True)
    wanted = ["--python", python, "-r", tmp_path / "model" / "requirements.txt"]
    subprocess.run([uv, "pip", "install", "--quiet", *wanted], check=True)
    elsewhere = {"cwd": tmp_path, "env": {"PATH": f"{python.parent}:/usr/bin:/bin", "MLFLOW_DISABLE_TELEMETRY": "true"}}
    told = subprocess.run(
        [python, "-c", CODE, "model", str(FIELD)], check=True, capture_output=True, text=True, **elsewhere
    )
    answer = json.loads(told.stdout.splitlines()[-1])
    classifier = load(SHIPPED)
    expected = as_prediction(classifier.predict(FIELD.read_bytes()), classifier, "x").model_dump(mode="json")
    for name in ("triage", "prediction", "probabilities", "prediction_set", "summary"):
        assert answer[name] == expected[name]
    port = free_port()
    command = [python, "-m", "mlflow", "models", "serve", "-m", "model", "--env-manager", "local", "--port", str(port)]
    server = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, **elsewhere)
    try:
        assert server.stderr is not None
        for line in server.stderr:
            if "running on" in line.lower():
                break
        body = json.dumps({"dataframe_records": [{"path": str(FIELD)}]}).encode()
        asked = urllib.request.Request(
            f"http://127.0.0.1:{port}/invocations", body, {"Content-Type": "application/json"}
        )
        with urllib.request.urlopen(asked, timeout=120) as response:
            (served,) = json.load(response)["predictions"]
        assert served["prediction"] == expected["prediction"]
    finally:
        server.terminate()
        server.wait(60)
