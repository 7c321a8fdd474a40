import os
import subprocess
import sys
from pathlib import Path

from tests.contract.gateway import event, read

ROOT = Path(__file__).resolve().parents[3]


def test_the_entry_point_answers_an_event() -> None:
    import handler

    sample = (ROOT / "samples" / "synthetic_benign_01.png").read_bytes()
    answered = read(handler.handler(event(body=sample, content_type="image/png"), None))
    assert answered.status == 200
    assert answered.body["prediction"]["verdict"] in ("accepted", "uncertain", "out_of_distribution")
    assert answered.body["model"]["name"] == "default"


def _python(code: str, **environment: str) -> subprocess.CompletedProcess[str]:
    variables = {**os.environ, "PYTHONPATH": str(ROOT / "lambda"), **environment}
    return subprocess.run([sys.executable, "-c", code], env=variables, capture_output=True, text=True, check=False)


def test_a_prediction_imports_nothing_that_it_does_not_need() -> None:
    sample = ROOT / "samples" / "synthetic_benign_01.png"
    done = _python(
        "import sys, base64, handler\n"
        f"body = base64.b64encode(open({str(sample)!r}, 'rb').read()).decode()\n"
        "event = {'rawPath': '/v1/predictions', 'rawQueryString': '', 'headers': {}, 'isBase64Encoded': True,\n"
        "         'requestContext': {'stage': '$default', 'http': {'method': 'POST', 'path': '/v1/predictions'}},\n"
        "         'body': body}\n"
        "assert handler.handler(event, None)['statusCode'] == 200\n"
        "print('LOADED', *sorted(sys.modules))\n"
    )
    assert done.returncode == 0, done.stderr
    loaded = set(done.stdout.split("LOADED")[1].split())
    assert {"numpy", "PIL", "ai_edge_litert"} <= loaded
    # Powertools imports botocore's version, not its client.
    assert not loaded & {"boto3", "botocore.session", "tensorflow", "python_multipart", "requests", "scipy"}


def test_a_misspelt_setting_stops_the_start_by_name() -> None:
    done = _python("import handler", AWS_LAMBDA_FUNCTION_NAME="leukolens", LEUKOLENS_MODLE_DIR="/opt/model")
    assert done.returncode != 0
    assert "LEUKOLENS_MODLE_DIR" in done.stderr
