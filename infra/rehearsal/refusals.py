"""Steps that refuse what AWS refuses and the emulator does not."""

import json
import os
import shutil
import sys
from pathlib import Path
from urllib.parse import urlsplit

import boto3
from botocore.exceptions import ClientError

from infra.image import ROOT
from infra.rehearsal.alarm_path import unheard
from infra.rehearsal.program import run_program
from infra.rehearsal.stage import Stage, StepError, expect
from infra.rehearsal.templates import read_assembly, refused_exports
from infra.stack import Output

# Old, opened after 2019, and the one whose global name is another's: their buckets answer to regional names alone.
_REGIONS = ("eu-central-1", "us-east-1", "ap-southeast-5", "il-central-1")
_SCHEMAS = ("Training", "Frontend", "Delivery")


def refuse_what_roles_do_not_allow(stage: Stage) -> str:
    """Show that the functions' policies were enforced: no call of theirs was refused, and others of theirs are."""
    gateway, name = stage.gateway, stage.environment.name
    refused = dict(gateway.refused)
    expect(not refused, f"the functions asked for what their roles do not allow: {refused}")
    allowed = sorted(gateway.allowed)
    expect(allowed, "no call of a function came by: nothing was enforced")
    feedback, data = (
        stage.output("Storage", Output.FEEDBACK_BUCKET_NAME),
        stage.output("Storage", Output.DATA_BUCKET_NAME),
    )
    beyond = {
        f"leukolens-{name}-predict": ("get_object", {"Bucket": feedback, "Key": "feedback/x"}),
        f"leukolens-{name}-batch": ("delete_object", {"Bucket": data, "Key": "rehearsal/000.png"}),
        f"leukolens-{name}-erase": ("delete_object", {"Bucket": data, "Key": "rehearsal/000.png", "VersionId": "1"}),
        "nobody": ("list_objects_v2", {"Bucket": data}),
    }
    for who, (operation, parameters) in beyond.items():
        s3 = boto3.client(
            "s3",
            endpoint_url=gateway.endpoint,
            region_name=stage.environment.region,
            aws_access_key_id=who,
            aws_secret_access_key="test",  # noqa: S106 - the emulator takes any
        )
        try:
            getattr(s3, operation)(**parameters)
        except ClientError as error:
            expect(error.response["Error"]["Code"] == "AccessDenied", f"{who} {operation}: {error}")
        else:
            raise StepError(f"{who} was let to {operation} {parameters}")
    gateway.refused.clear()
    counts = ", ".join(f"{call} {gateway.allowed[call]}" for call in allowed if " kms:" not in call)
    return f"{sum(gateway.allowed.values())} calls judged ({counts}); {len(beyond)} beyond the roles refused"


def reach_readers(stage: Stage) -> str:
    """Follow every alarm to the topic, its policy and its key: the emulator publishes whatever they say."""
    account = stage.account()
    lost = list(unheard(account))
    expect(not lost, "; ".join(lost))
    alarms = len(list(account.resources("AWS::CloudWatch::Alarm")))
    return f"{alarms} alarms, each to a topic that CloudWatch may publish to and whose key it may use"


def hold_exports(stage: Stage) -> str:
    """Compare what was deployed first with what was deployed last: the emulator gives up an export that is in use."""
    before, after = stage.notes["deployed"], read_assembly(stage.cdk.assembly)
    for old, new in ((before, after), (after, before)):
        refused = list(refused_exports(old, new))
        expect(not refused, "; ".join(refused))
    return f"{len(after)} stacks there and back; no export in use goes or changes"


def name_regions(stage: Stage) -> str:
    """Sign an upload in several regions by the service's own code: the emulator answers to any host."""
    program = (
        "import os, sys, boto3; from api.storage import Bucket\n"
        "for region in sys.argv[1:]:\n"
        "    os.environ['AWS_DEFAULT_REGION'], boto3.DEFAULT_SESSION = region, None\n"
        "    print(Bucket('smears-uploads').presign('uploads/x', 'image/png', 9)[0])"
    )
    variables = {
        **{name: value for name, value in os.environ.items() if not name.startswith("AWS_")},
        "AWS_ACCESS_KEY_ID": "x",
        "AWS_SECRET_ACCESS_KEY": "x",
        "PYTHONPATH": str(ROOT / "lambda"),
    }
    printed = run_program([sys.executable, "-c", program, *_REGIONS], environment=variables, folder=ROOT)
    urls = printed.strip().splitlines()[-len(_REGIONS) :]
    for region, url in zip(_REGIONS, urls, strict=True):
        expect(urlsplit(url).hostname == f"smears-uploads.s3.{region}.amazonaws.com", f"{region}: uploads go to {url}")
    return f"uploads are signed for {', '.join(_REGIONS)}, each at its own host"


def check_schemas(stage: Stage) -> str:
    """Hold the stacks that the emulator does not have against CloudFormation's own schemas, by cfn-lint."""
    templates = sorted(
        path
        for folder in (stage.cdk.assembly, stage.work / "first")
        for path in folder.glob("*.template.json")
        if path.name.split(".")[0].rpartition("-")[2] in _SCHEMAS
    )
    kinds = {
        resource["Type"]
        for path in templates
        for resource in json.loads(path.read_text("utf-8"))["Resources"].values()
        if resource["Type"] != "AWS::CDK::Metadata"
    }
    lint(templates)
    return f"{len(templates)} templates, {len(kinds)} types of resources, by cfn-lint"


def lint(templates: list[Path]) -> None:
    """Refuse templates that do not fit CloudFormation's schemas: required, conditional and unknown properties.

    Raises
    ------
    infra.rehearsal.program.ProgramError
        With what cfn-lint says.
    """
    program = ROOT / ".venv" / "bin" / "cfn-lint"
    run_program([str(program), "--", *map(str, templates)], environment=os.environ, folder=ROOT)


def keep_first(stage: Stage) -> None:
    """Keep the templates of the first deploy, which the next one writes over."""
    stage.notes["deployed"] = read_assembly(stage.cdk.assembly)
    shutil.copytree(
        stage.cdk.assembly,
        stage.work / "first",
        ignore=lambda folder, names: [
            name for name in names if Path(folder) == stage.cdk.assembly and not name.endswith(".json")
        ],
    )
