import hashlib
import json
from pathlib import Path

import pytest

from release.locks import IMAGE_LOCKS
from release.sbom import bill
from release.version import version

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture(scope="module", params=sorted(IMAGE_LOCKS))
def made(request: pytest.FixtureRequest) -> dict:
    return json.loads(bill(request.param))


def components(made: dict, kind: str) -> dict[str, dict]:
    return {found["name"]: found for found in made["components"] if found["type"] == kind}


def test_it_names_the_image_and_the_version(made: dict):
    assert made["specVersion"] == "1.6"
    assert made["metadata"]["component"]["name"] in {"leukolens-lambda", "leukolens-page"}
    assert made["metadata"]["component"]["version"] == version()


def test_every_package_has_version_address_and_licence(made: dict):
    libraries = components(made, "library")
    assert {"pydantic", "pillow"} <= libraries.keys()
    for name, found in libraries.items():
        assert found["purl"].endswith(f"@{found['version']}"), name
        assert found["licenses"], name
        if found["purl"].startswith("pkg:pypi/"):
            assert found["hashes"], name


def test_the_base_image_is_named(made: dict):
    (base,) = (found for found in made["components"] if found["bom-ref"] == "base-image")
    assert base["name"].startswith("public.ecr.aws/")


def test_what_a_package_needs_is_told(made: dict):
    needs = {found["ref"]: found.get("dependsOn", []) for found in made["dependencies"]}
    assert "pypi:pydantic-core" in needs["pypi:pydantic"]
    assert set(needs) == {found["bom-ref"] for found in made["components"]} | {made["metadata"]["component"]["bom-ref"]}


def test_the_same_inputs_give_the_same_bill():
    assert bill("lambda") == bill("lambda")
    assert json.loads(bill("lambda"))["serialNumber"] != json.loads(bill("page"))["serialNumber"]


def test_the_model_is_named_by_its_hash():
    model = components(json.loads(bill("lambda")), "machine-learning-model")["leukolens"]
    file = (ROOT / "models" / "default" / "model.tflite").read_bytes()
    assert model["hashes"] == [{"alg": "SHA-256", "content": hashlib.sha256(file).hexdigest()}]


def test_the_vendored_script_has_the_version_that_lies_there():
    script = components(json.loads(bill("page")), "library")["engine.io-client"]
    vendored = ROOT / "frontend" / "transport" / "static" / "engine.io.min.js"
    assert f"Engine.IO v{script['version']}" in vendored.read_text()[:200]
