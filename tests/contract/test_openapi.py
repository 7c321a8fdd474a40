import json
import subprocess
import sys

from api.app import Application
from api.openapi import ALL_ROUTES
from tests.contract.conftest import ROOT
from tests.contract.gateway import event, read

CHECKED_IN = ROOT / "docs" / "openapi.json"


def test_the_document_in_docs_is_current() -> None:
    made = subprocess.run(
        [sys.executable, "-m", "api.openapi"], cwd=ROOT / "lambda", capture_output=True, text=True, check=True
    )
    assert CHECKED_IN.read_text(encoding="utf-8") == made.stdout, "run: python -m api.openapi > docs/openapi.json"


def test_the_service_serves_that_document(application: Application) -> None:
    answered = read(application(event("GET", "/openapi.json"), None))
    assert answered.status == 200
    assert answered.body == json.loads(CHECKED_IN.read_text(encoding="utf-8"))


def test_every_reference_in_the_document_leads_somewhere() -> None:
    text = CHECKED_IN.read_text(encoding="utf-8")
    schemas = json.loads(text)["components"]["schemas"]
    used = {part.split('"')[0] for part in text.split('"#/components/schemas/')[1:]}
    assert used <= set(schemas)


def test_every_route_is_answered_and_documented(application: Application) -> None:
    paths = json.loads(CHECKED_IN.read_text(encoding="utf-8"))["paths"]
    assert {(route.method.lower(), route.path) for route in ALL_ROUTES} == {
        (method, path) for path, methods in paths.items() for method in methods
    }
    for route in ALL_ROUTES:
        status = application(event(route.method, route.path), None)["statusCode"]
        assert str(status) in paths[route.path][route.method.lower()]["responses"]
