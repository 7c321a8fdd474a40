"""Code and policy meet: what each role's own script asks of AWS, held against what the role may do.

The scripts are the real ones, run against moto; the policies are those of the synthesised stacks. What AWS's services
do in a role's name, and no code of this project, is written out with its source. ``pytest -v`` ends with the table.
"""

import base64
import json

import boto3
import pytest
from moto import mock_aws

from infra.config import Delivery
from infra.environments import load_environment
from infra.image import REPOSITORY, ROOT, Published
from infra.rehearsal.account import ID, REGION, Account, Request, allows, for_principal, listed
from infra.stack import Output
from infra.stacks.batch_definition import definition
from tests.contract.gateway import event, read
from tests.infra.calls import recorded, requests
from tests.infra.roles import hold

BUILDER = Delivery(repository="owner/name", creates_provider=True, builds_image=True, pull_accounts=["222222222222"])
IMAGE = Published(ID, REGION, REPOSITORY, f"sha256:{'a' * 64}")


@pytest.fixture(scope="module")
def templates(synthesise):
    """Give dev as it builds for all, from images that are published."""
    environment = load_environment("dev").model_copy(update={"delivery": BUILDER})
    page = environment.page.model_copy(update={"urls": ("https://page.example.org",)})
    monitoring = environment.monitoring.model_copy(update={"canary_minutes": 5})
    return synthesise(environment.model_copy(update={"page": page, "monitoring": monitoring}), IMAGE, IMAGE)


@pytest.fixture(scope="module")
def account(templates):
    return Account(templates)


@pytest.fixture
def aws(account, monkeypatch):
    """Give moto with the account's buckets and registry in it."""
    for name, value in {"ACCESS_KEY_ID": "x", "SECRET_ACCESS_KEY": "x", "DEFAULT_REGION": REGION}.items():
        monkeypatch.setenv(f"AWS_{name}", value)
    monkeypatch.setenv("MOTO_ACCOUNT_ID", ID)
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    with mock_aws():
        for name in (name for name in Output if name.endswith("BucketName")):
            where = {"LocationConstraint": REGION}
            bucket = account.output("Storage", name)
            boto3.client("s3").create_bucket(Bucket=bucket, CreateBucketConfiguration=where)
        yield account


_TRACES = {"xray:PutTraceSegments", "xray:PutTelemetryRecords"}
_LOGS = {"logs:CreateLogStream", "logs:PutLogEvents"}


def test_the_function_answers_predictions_uploads_and_feedback(aws):
    from settings import load_settings

    from api.app import Application

    (properties,) = [
        one for _, _, one in aws.resources("AWS::Lambda::Function") if "predict" in one.get("FunctionName", "")
    ]
    application = Application(load_settings(properties["Environment"]["Variables"]))
    sample = _sample()

    def call(path, body):
        return read(
            application(event("POST", path, body=json.dumps(body).encode(), content_type="application/json"), None)
        )

    with recorded() as calls:
        ticket = call("/v1/uploads", {"content_type": "image/png", "size_bytes": len(sample)}).body
        bucket, key = properties["Environment"]["Variables"]["LEUKOLENS_UPLOADS_BUCKET"], ticket["fields"]["key"]
        boto3.client("s3").put_object(Bucket=bucket, Key=key, Body=sample)  # the form is sent in the signer's name
        predicted = call("/v1/predictions", {"upload_id": ticket["upload_id"]})
        assert predicted.status == 200, predicted.body
        feedback = {
            "request_id": predicted.body["request_id"],
            "label": "Pre",
            "consent": True,
            "image_base64": base64.b64encode(sample).decode(),
        }
        assert call("/v1/feedback", feedback).status == 201
    asked = requests(calls, aws)
    assert {"s3:PutObject", "s3:GetObject", "kms:Decrypt", "kms:GenerateDataKey"} == {one.action for one in asked}
    # Which Lambda itself does.
    hold("function (API)", aws.statements("Leukolens-Dev-Inference/PredictRole"), asked, _LOGS | _TRACES)


def test_the_function_that_erases_lists_and_deletes_below_two_folders(aws, monkeypatch):
    """And no other function deletes a version of anything."""
    import erase

    (properties,) = [
        one for _, _, one in aws.resources("AWS::Lambda::Function") if one.get("FunctionName", "").endswith("-erase")
    ]
    for name, value in properties["Environment"]["Variables"].items():
        monkeypatch.setenv(name, value)
    feedback, uploads = (
        aws.output("Storage", Output.FEEDBACK_BUCKET_NAME),
        aws.output("Storage", Output.UPLOADS_BUCKET_NAME),
    )
    s3 = boto3.client("s3")
    s3.put_bucket_versioning(Bucket=feedback, VersioningConfiguration={"Status": "Enabled"})
    for _ in range(2):
        s3.put_object(Bucket=feedback, Key="feedback/request-1/a.json", Body=b"{}")
    s3.put_object(Bucket=uploads, Key=f"uploads/{'0' * 32}", Body=b"an image")
    with recorded() as calls:
        for asked, count in (({"request_id": "request-1"}, 2), ({"upload_id": "0" * 32}, 1)):
            assert erase.handler({"erase": {**asked, "asked_by": "ticket 7"}}, None)["objects"] == count
    assert "Versions" not in s3.list_object_versions(Bucket=feedback)
    asked = requests(calls, aws)
    assert {"s3:ListBucketVersions", "s3:DeleteObjectVersion"} == {one.action for one in asked}
    statements = aws.statements("Leukolens-Dev-Inference/ErasureEraseRole")
    hold("function (erasure)", statements, asked, _LOGS | _TRACES)
    for elsewhere in (
        f"arn:aws:s3:::{feedback}/other/x",
        f"arn:aws:s3:::{aws.output('Storage', Output.DATA_BUCKET_NAME)}/x",
    ):
        assert not allows(statements, Request("s3:DeleteObjectVersion", elsewhere))
    assert not allows(statements, Request("s3:ListBucketVersions", f"arn:aws:s3:::{feedback}", {"s3:prefix": ""}))
    for stack, logical, role in aws.resources("AWS::IAM::Role"):
        if "Erasure" not in logical and "lambda.amazonaws.com" in json.dumps(role["AssumeRolePolicyDocument"]):
            said = json.dumps(aws.statements(f"{stack}/{logical}"))
            assert "s3:Delete" not in said, logical
    # Whoever erases calls that function and does nothing else.
    hold(
        "eraser (people)",
        aws.statements("Leukolens-Dev-Inference/ErasureErasers"),
        [Request("lambda:InvokeFunction", f"arn:aws:lambda:{REGION}:{ID}:function:leukolens-dev-erase")],
    )


def test_the_canary_asks_for_a_token_and_keeps_a_first_answer(aws, monkeypatch):
    from infra.canary import handler as canary

    (properties,) = [
        one for _, _, one in aws.resources("AWS::Lambda::Function") if one.get("FunctionName", "").endswith("-canary")
    ]
    cognito = boto3.client("cognito-idp")
    pool = cognito.create_user_pool(PoolName="p")["UserPool"]["Id"]
    made = cognito.create_user_pool_client(UserPoolId=pool, ClientName="c", GenerateSecret=True)["UserPoolClient"]
    variables = properties["Environment"]["Variables"] | {"USER_POOL_ID": pool, "CLIENT_ID": made["ClientId"]}
    variables |= {"API_URL": "https://api.example.org", "TOKEN_URL": "https://sign-in.example.org/oauth2/token"}
    for name, value in variables.items():
        monkeypatch.setenv(name, str(value))
    monkeypatch.setattr(canary, "_tokens", {})
    answer = {"access_token": "x", "expires_in": 3600, "model": {"sha256": "a" * 64}}
    monkeypatch.setattr(canary, "_ask", lambda _: answer)
    monkeypatch.setattr(canary, "DRAWN", ROOT / "samples" / "synthetic_pre_01.png")
    with recorded() as calls:
        canary.handler({}, None)
        canary.handler({}, None)
    deployed = aws.arn("AWS::Cognito::UserPool", "Pool").rpartition("/")[2]
    asked = [Request(one.action, one.resource.replace(pool, deployed), one.context) for one in requests(calls, aws)]
    assert {one.action for one in asked} == {
        *("cognito-idp:DescribeUserPoolClient", "s3:GetObject", "s3:PutObject", "kms:Decrypt", "kms:GenerateDataKey")
    }
    statements = aws.statements("Leukolens-Dev-Monitoring/CanaryRole")
    hold("function (canary)", statements, asked, _LOGS)
    for action in ("s3:GetObject", "s3:PutObject"):
        model = f"arn:aws:s3:::{aws.output('Storage', Output.MODELS_BUCKET_NAME)}/models/1.1.0/model.tflite"
        assert not allows(statements, Request(action, model))


def test_the_batchs_functions_read_data_and_write_results(aws):
    import summary
    from settings import Settings

    from api.batch import run
    from api.service import Service

    data, results = aws.output("Storage", Output.DATA_BUCKET_NAME), aws.output("Storage", Output.RESULTS_BUCKET_NAME)
    boto3.client("s3").put_object(Bucket=data, Key="slides/1.png", Body=_sample())
    where = {"bucket": data, "results_bucket": results, "results_prefix": "batches/x/lines"}
    with recorded() as calls:
        answer = run(Service(Settings()), {"BatchInput": where, "Items": [{"Key": "slides/1.png"}]})
    assert answer.problems == 0
    asked = requests(calls, aws)
    hold("function (batch)", aws.statements("Leukolens-Dev-Batch/ClassifyRole"), asked, _LOGS | _TRACES)
    manifest = {"ResultFiles": {"SUCCEEDED": [{"Key": "batches/x/calls/1.jsonl"}]}}
    for key, body in {"manifest.json": json.dumps(manifest), "1.jsonl": answer.model_dump_json()}.items():
        boto3.client("s3").put_object(Bucket=results, Key=f"batches/x/calls/{key}", Body=body)
    written = {"ResultWriterDetails": {"Bucket": results, "Key": "batches/x/calls/manifest.json"}}
    with recorded() as calls:
        summary.handler({"results_bucket": results, "folder": "batches/x", "calls": written}, None)
    asked = requests(calls, aws)
    hold("function (summary)", aws.statements("Leukolens-Dev-Batch/SummariseRole"), asked, _LOGS | _TRACES)
    for role in ("Classify", "Summarise"):
        for action in ("s3:GetObject", "s3:PutObject"):
            elsewhere = Request(action, f"arn:aws:s3:::{results}/elsewhere/x")
            assert not allows(aws.statements(f"Leukolens-Dev-Batch/{role}Role"), elsewhere), role


def test_the_state_machine_may_do_each_of_its_steps(aws):
    """What Step Functions does for its definition.

    https://docs.aws.amazon.com/step-functions/latest/dg/iam-policies-eg-dist-map.html
    """
    named = [one["FunctionName"] for _, _, one in aws.resources("AWS::Lambda::Function") if "FunctionName" in one]
    arns = {name.rpartition("-")[2]: f"arn:aws:lambda:{REGION}:{ID}:function:{name}" for name in named}
    data, results = aws.output("Storage", Output.DATA_BUCKET_NAME), aws.output("Storage", Output.RESULTS_BUCKET_NAME)
    settings = load_environment("dev").batch
    states = definition(
        settings, data_bucket=data, results_bucket=results, classify_arn=arns["batch"], summarise_arn=arns["summary"]
    )["States"]
    each = states["Classify every field"]
    machine = f"{REGION}:{ID}"
    name = "leukolens-dev-batch"
    written = f"arn:aws:s3:::{each['ResultWriter']['Parameters']['Bucket']}/batches/x/calls/manifest.json"
    key = aws.arn("AWS::KMS::Key", "Key")
    asked = [
        Request("s3:ListBucket", f"arn:aws:s3:::{each['ItemReader']['Parameters']['Bucket']}"),
        Request("lambda:InvokeFunction", each["ItemProcessor"]["States"]["Classify"]["Resource"]),
        Request("lambda:InvokeFunction", states["Write the summary"]["Resource"]),
        *(Request(f"s3:{one}", written) for one in ("PutObject", "GetObject", "AbortMultipartUpload")),
        Request("s3:ListMultipartUploadParts", written),
        *(Request(f"kms:{one}", key) for one in ("Decrypt", "GenerateDataKey")),
        Request("states:StartExecution", f"arn:aws:states:{machine}:stateMachine:{name}"),
        *(
            Request(f"states:{one}", f"arn:aws:states:{machine}:execution:{name}:x")
            for one in ("DescribeExecution", "StopExecution")
        ),
        Request("states:RedriveExecution", f"arn:aws:states:{machine}:execution:{name}/fields:x"),
        # https://docs.aws.amazon.com/step-functions/latest/dg/cw-logs.html#cloudwatch-iam-policy, and tracing's.
        *(
            Request(f"logs:{one}", "*")
            for one in (
                *("CreateLogDelivery", "GetLogDelivery", "UpdateLogDelivery", "DeleteLogDelivery"),
                *("ListLogDeliveries", "PutResourcePolicy", "DescribeResourcePolicies", "DescribeLogGroups"),
            )
        ),
        *(
            Request(f"xray:{one}", "*")
            for one in ("PutTraceSegments", "PutTelemetryRecords", "GetSamplingRules", "GetSamplingTargets")
        ),
    ]
    hold("state machine", aws.statements("Leukolens-Dev-Batch/Role"), asked)


def test_the_page_reads_its_secrets_and_its_image_is_pulled(aws):
    """What App Runner does in the page's roles: the page itself calls the API alone."""
    ((_, _, service),) = aws.resources("AWS::AppRunner::Service")
    configuration = service["SourceConfiguration"]["ImageRepository"]["ImageConfiguration"]
    secrets = [
        Request("secretsmanager:GetSecretValue", pair["Value"]) for pair in configuration["RuntimeEnvironmentSecrets"]
    ]
    assert len(secrets) == 2
    hold("page", aws.statements("Leukolens-Dev-Frontend/Instance"), secrets)
    repository = f"arn:aws:ecr:{REGION}:{ID}:repository/{REPOSITORY}"
    pulls = [
        *(
            Request(f"ecr:{one}", repository)
            for one in ("BatchCheckLayerAvailability", "BatchGetImage", "GetDownloadUrlForLayer")
        ),
        Request("ecr:GetAuthorizationToken", "*"),
    ]
    hold("page (pull)", aws.statements("Leukolens-Dev-Frontend/Access"), pulls)


def test_functions_pull_their_image_from_the_registry(aws):
    """Lambda's own pull, in the account that builds and in the others."""
    ((_, _, repository),) = aws.resources("AWS::ECR::Repository")
    statements = for_principal(repository["RepositoryPolicyText"]["Statement"], "lambda.amazonaws.com")
    for owner in (ID, "222222222222"):
        source = {"aws:sourceArn": f"arn:aws:lambda:{REGION}:{owner}:function:leukolens-prod-predict"}
        for action in ("ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"):
            assert allows(statements, Request(action, "*", source)), owner
    assert not allows(statements, Request("ecr:BatchGetImage", "*", {"aws:sourceArn": "arn:aws:lambda:x:3:function:y"}))


@pytest.mark.parametrize("role", ["deploy", "diff"])
@pytest.mark.parametrize("form", ["owner/name", "owner@11/name@22"])
def test_a_job_of_the_repository_becomes_its_role_whatever_form_its_token_has(synthesise, role, form):
    numbered = BUILDER.model_copy(update={"owner_id": 11, "repository_id": 22})
    account = Account(synthesise(load_environment("dev").model_copy(update={"delivery": numbered}), IMAGE, IMAGE))
    suffix = "environment:dev" if role == "deploy" else "pull_request"
    host = "token.actions.githubusercontent.com"

    def becomes(subject: str) -> list[str]:
        token = {f"{host}:aud": "sts.amazonaws.com", f"{host}:sub": subject}
        return [
            properties["RoleName"]
            for _, _, properties in account.resources("AWS::IAM::Role")
            for statement in listed(properties["AssumeRolePolicyDocument"]["Statement"])
            if "Federated" in statement["Principal"]
            and allows([statement], Request("sts:AssumeRoleWithWebIdentity", "*", token))
        ]

    assert becomes(f"repo:{form}:{suffix}") == [f"leukolens-dev-{role}-{REGION}"]
    assert becomes(f"repo:{form.replace('owner', 'stranger')}:{suffix}") == []
    assert becomes(f"repo:{form}:ref:refs/heads/main") == []


def _sample() -> bytes:
    return (ROOT / "samples" / "synthetic_pre_01.png").read_bytes()
