"""The synthetic canary: what it takes for trouble, and that it is deployed where it is wanted."""

import http.server
import json
import threading
import urllib.parse

import boto3
import pytest
from moto import mock_aws

from infra.canary import handler as canary
from infra.constructs.synthetic_canary import CODE, SAMPLE
from infra.environments import load_environment

ANSWER = {
    "triage": {"result": "malignant", "probability": 0.97, "verdict": "accepted"},
    "prediction": {"label": "blast", "probability": 0.9, "verdict": "accepted"},
    "probabilities": {"blast": 0.9, "other": 0.1},
    "malignant_probability": 0.97,
    "prediction_set": ["blast"],
    "out_of_distribution_score": 0.2,
    "model": {"version": "1", "sha256": "a" * 64},
    "request_id": "1",
}


class _Service(http.server.BaseHTTPRequestHandler):
    """Cognito's token endpoint and the API, in one."""

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.seen.append((self.path, dict(self.headers), body))
        if self.path == "/oauth2/token":
            answer = (200, {"access_token": "a-token", "expires_in": 3600})
        else:
            answers = self.server.answers
            answer = answers.pop(0) if len(answers) > 1 else answers[0]
        status, content = answer
        self.send_response(status)
        self.end_headers()
        self.wfile.write(json.dumps(content).encode())

    def log_message(self, *_):
        """Say nothing."""


@pytest.fixture
def service(monkeypatch):
    """Give an API that answers as told, a pool with its client, and a bucket; the canary is set up for them."""
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    for name, value in {"ACCESS_KEY_ID": "x", "SECRET_ACCESS_KEY": "x", "DEFAULT_REGION": "eu-central-1"}.items():
        monkeypatch.setenv(f"AWS_{name}", value)
    monkeypatch.setattr(canary, "_PAUSE_S", 0.0)
    monkeypatch.setattr(canary, "_tokens", {})
    # In the archive the drawn field lies beside the handler.
    monkeypatch.setattr(canary, "DRAWN", SAMPLE)
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Service)
    server.answers, server.seen = [(200, ANSWER)], []
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
    url = f"http://127.0.0.1:{server.server_port}"
    with mock_aws():
        where = {"LocationConstraint": "eu-central-1"}
        boto3.client("s3").create_bucket(Bucket="models", CreateBucketConfiguration=where)
        cognito = boto3.client("cognito-idp")
        pool = cognito.create_user_pool(PoolName="p")["UserPool"]["Id"]
        client = cognito.create_user_pool_client(UserPoolId=pool, ClientName="c", GenerateSecret=True)
        variables = {
            "API_URL": url,
            "TOKEN_URL": f"{url}/oauth2/token",
            "USER_POOL_ID": pool,
            "CLIENT_ID": client["UserPoolClient"]["ClientId"],
            "SCOPE": "smears/predict",
            "BUCKET": "models",
        }
        for name, value in variables.items():
            monkeypatch.setenv(name, value)
        yield server
    server.shutdown()
    server.server_close()


def _changed(**values):
    return {**ANSWER, **values}


def test_the_first_answer_is_kept_and_the_same_again_is_well(service):
    assert "first" in canary.handler({}, None)["said"]
    rounded = _changed(malignant_probability=0.9701, request_id="2")
    service.answers = [(200, rounded)]
    assert canary.handler({}, None)["said"] == "as before"
    paths = [path for path, _, _ in service.seen]
    # A token lasts for both.
    assert paths == ["/oauth2/token", "/v1/predictions", "/v1/predictions"]
    _, headers, body = service.seen[1]
    assert headers["Authorization"] == "Bearer a-token"
    assert body == SAMPLE.read_bytes()
    assert urllib.parse.parse_qs(service.seen[0][2].decode())["scope"] == ["smears/predict"]


@pytest.mark.parametrize(
    ("now", "named"),
    [
        (_changed(prediction={"label": "other", "probability": 0.9, "verdict": "accepted"}), "prediction.label"),
        (_changed(malignant_probability=0.94), "malignant_probability"),
        (_changed(probabilities={"blast": 0.9, "third": 0.1}), "probabilities.other"),
        (_changed(probabilities=None), "probabilities"),
        (_changed(out_of_distribution_score=0.3), "out_of_distribution_score"),
        (_changed(triage=None), "triage"),
    ],
)
def test_another_answer_of_the_same_model_fails_and_says_what_changed(service, now, named):
    canary.handler({}, None)
    service.answers = [(200, now)]
    with pytest.raises(canary.CanaryError, match=f"changed answer: .*{named}"):
        canary.handler({}, None)
    # And goes on failing: what was kept first stays.
    with pytest.raises(canary.CanaryError):
        canary.handler({}, None)


def test_another_model_has_another_first_answer(service):
    canary.handler({}, None)
    service.answers = [(200, _changed(model={"version": "2", "sha256": "b" * 64}, malignant_probability=0.1))]
    assert "first" in canary.handler({}, None)["said"]


def test_a_laboratorys_own_field_is_sent_where_there_is_one(service):
    boto3.client("s3").put_object(Bucket="models", Key=canary.FIELD_KEY, Body=b"a field of our own")
    canary.handler({}, None)
    assert service.seen[-1][2] == b"a field of our own"


def test_one_lost_answer_is_asked_again_and_two_are_trouble(service):
    service.answers = [(503, {"title": "Model not loadable"}), (200, ANSWER)]
    assert "first" in canary.handler({}, None)["said"]
    service.answers = [(503, {"title": "Model not loadable"})]
    with pytest.raises(canary.CanaryError, match="/v1/predictions: 503 Model not loadable"):
        canary.handler({}, None)


def test_an_api_that_is_not_there_is_trouble(service, monkeypatch):
    monkeypatch.setenv("API_URL", "http://127.0.0.1:9")
    with pytest.raises(canary.CanaryError, match="/v1/predictions"):
        canary.handler({}, None)


def test_a_token_that_was_taken_back_is_not_kept(service):
    service.answers = [(401, {"message": "Unauthorized"}), (200, ANSWER)]
    canary.handler({}, None)
    assert [path for path, _, _ in service.seen].count("/oauth2/token") == 2


def test_it_needs_nothing_but_lambdas_own_python():
    text = CODE.read_text()
    imported = {line.split()[1].partition(".")[0] for line in text.splitlines() if line.startswith(("import", "from"))}
    assert imported - {"base64", "collections", "pathlib", "typing"} == {
        *("contextlib", "hashlib", "json", "math", "os", "sys", "time", "urllib")
    }


def test_it_runs_where_it_is_wanted_as_often_as_said(dev, prod):
    minutes = load_environment("prod").monitoring.canary_minutes
    (rule,) = prod["Monitoring"].properties("AWS::Events::Rule")
    assert (rule["ScheduleExpression"], rule["State"]) == (f"rate({minutes} minutes)", "ENABLED")
    (function,) = prod["Monitoring"].properties("AWS::Lambda::Function")
    (invoked,) = prod["Monitoring"].properties("AWS::Lambda::EventInvokeConfig")
    assert invoked["MaximumRetryAttempts"] == 0
    alarms = {
        name.rstrip("0123456789ABCDEF"): one["Properties"]
        for name, one in prod["Monitoring"].resources("AWS::CloudWatch::Alarm").items()
    }
    failed, silent = alarms["CanaryFailed"], alarms["CanarySilent"]
    for alarm in (failed, silent):
        assert alarm["Namespace"] == "AWS/Lambda"
    assert (failed["MetricName"], failed["Period"], failed["Threshold"]) == ("Errors", 60 * minutes, 0)
    assert (silent["MetricName"], silent["Period"]) == ("Invocations", 60 * minutes * 3)
    assert function["FunctionName"] == "leukolens-prod-canary"
    # Off where it says 0.
    assert load_environment("dev").monitoring.canary_minutes == 0
    assert not dev["Monitoring"].resources("AWS::Events::Rule")
    assert not dev["Monitoring"].resources("AWS::Lambda::Function")
