"""What a rehearsal does, in order. Each step returns what it saw, or raises."""

import hashlib
from collections.abc import Callable

import httpx

from infra.constructs.scopes import scope_name
from infra.rehearsal.life import change_setting, compare_as_pull_request, destroy
from infra.rehearsal.many import classify_batch
from infra.rehearsal.refusals import (
    check_schemas,
    hold_exports,
    keep_first,
    name_regions,
    reach_readers,
    refuse_what_roles_do_not_allow,
)
from infra.rehearsal.stage import Stage, expect
from infra.rehearsal.store import erase_feedback, predict_form, predict_upload, send_feedback
from infra.rehearsal.watch import watch_answers

Step = Callable[[Stage], str]


def bootstrap(stage: Stage) -> str:
    """Prepare the account for the CDK."""
    stage.cdk.bootstrap()
    return "cdk bootstrap"


def build(stage: Stage) -> str:
    """Build the image that answers."""
    return stage.functions.build()


def deploy(stage: Stage) -> str:
    """Deploy the stacks and start what answers their functions."""
    stage.outputs = stage.cdk.deploy()
    keep_first(stage)
    stage.start_functions()
    return f"{len(stage.outputs)} stacks; API at {stage.api_url}"


def check_health(stage: Stage) -> str:
    """Ask for health without a token, which anyone may."""
    answer = stage.call("GET", "/v1/health")
    expect(answer.status_code == httpx.codes.OK, f"health gave {answer.status_code}: {answer.text[:300]}")
    return f"model {answer.json()['model']['version']}"


def refuse_strangers(stage: Stage) -> str:
    """Call without a token, with a broken one and with one for something else."""
    image = stage.images[0].read_bytes()
    headers = {"Content-Type": "image/jpeg"}
    expected = {
        None: httpx.codes.UNAUTHORIZED,
        "not.a.token": httpx.codes.UNAUTHORIZED,
        stage.token(scope_name("feedback")): httpx.codes.FORBIDDEN,
    }
    for token, status in expected.items():
        answer = stage.call("POST", "/v1/predictions", token, content=image, headers=headers)
        expect(answer.status_code == status, f"expected {status}, got {answer.status_code}: {answer.text[:300]}")
    return "401 without and with a broken token, 403 with another scope"


def predict(stage: Stage) -> str:
    """Send one image as raw bytes, and read the answer."""
    path = stage.images[len(stage.images) // 2]
    image = path.read_bytes()
    token = stage.notes["token"] = stage.token(scope_name("predict"))
    media_type = "image/png" if path.suffix == ".png" else "image/jpeg"
    answer = stage.call("POST", "/v1/predictions", token, content=image, headers={"Content-Type": media_type})
    expect(answer.status_code == httpx.codes.OK, f"prediction gave {answer.status_code}: {answer.text[:500]}")
    body = answer.json()
    expect(body["image"]["sha256"] == hashlib.sha256(image).hexdigest(), "the service saw other bytes than those sent")
    probabilities, prediction = body["probabilities"], body["prediction"]
    strange = prediction["verdict"] == "out_of_distribution"
    expect((probabilities is None) == strange, f"numbers of a field that the model does not know: {answer.text}")
    expect(strange or abs(sum(probabilities.values()) - 1) < 1e-3, f"probabilities do not sum to 1: {answer.text}")
    return f"{stage.kind} {path.parent.name}: {body['summary']}, {prediction['verdict']}"


def refuse_garbage(stage: Stage) -> str:
    """Send nothing, text and half an image, then an image again: the function lives on."""
    image = stage.images[0].read_bytes()
    seen = []
    for body in (b"", b"not an image", image[: len(image) // 2]):
        headers = {"Content-Type": "image/jpeg"}
        answer = stage.call("POST", "/v1/predictions", stage.notes["token"], content=body, headers=headers)
        expect(
            answer.is_client_error and answer.headers["content-type"].startswith("application/problem+json"),
            f"{len(body)} bytes of garbage gave {answer.status_code} {answer.headers['content-type']}",
        )
        seen.append(f"{answer.status_code} {answer.json()['title']}")
    return f"{', '.join(seen)}; then {predict(stage)}"


STEPS: tuple[Step, ...] = (
    bootstrap,
    build,
    deploy,
    check_health,
    refuse_strangers,
    predict,
    predict_form,
    predict_upload,
    refuse_garbage,
    send_feedback,
    erase_feedback,
    classify_batch,
    watch_answers,
    refuse_what_roles_do_not_allow,
    reach_readers,
    name_regions,
    compare_as_pull_request,
    change_setting,
    hold_exports,
    check_schemas,
    destroy,
)

PROVED = """\
proved here: the templates deploy (Storage, Identity, Inference, Batch, Monitoring), twice and away again, and no object
  is lost; tokens and scopes; the image's answers over HTTP; uploads, feedback, erasure, a batch, what the canary
  compares; the roles of the functions, enforced on every call that they made of S3 and its key; the roles of the
  workflows, enforced on every call that the CDK's CLI made in their names; alarms to their readers by policy; exports;
  hosts of uploads by region; Training, Frontend and Delivery by CloudFormation's schemas.
not proved here: what only AWS does: SageMaker, App Runner, ECS Express, CodeDeploy's shift, Cognito's pages, OIDC of
  GitHub, quotas, mail; the roles that AWS itself takes on (state machine, App Runner, SageMaker: tests/infra and
  tests/unit/training/sagemaker_jobs hold those against their scripts); that AWS takes a template which fits its schema;
  workflows on GitHub (tests/infra/test_workflow_scripts.py runs their scripts on a fresh clone).
"""
