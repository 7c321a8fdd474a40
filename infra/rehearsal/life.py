"""Steps about the stacks' life: a comparison, an update in place, and the end."""

from collections import Counter

from infra.rehearsal.cdk import Caller
from infra.rehearsal.stage import Stage, StepError, expect
from infra.rehearsal.variants import CHANGED, MEMORY_MB, write_environment
from infra.stack import Output


def compare_as_pull_request(stage: Stage) -> str:
    """Change settings and compare, in the role of a pull request's job: it reads templates and becomes nobody."""
    stage.cdk.environments = write_environment(stage.environment.name, CHANGED, stage.work / "changed")
    role = _role(stage, "diff")
    printed = stage.cdk.compare(role)
    expect(f"{MEMORY_MB}" in printed, f"the comparison shows no {MEMORY_MB} MB:\n{printed[-2000:]}")
    refused = _asked(stage.gateway.refused, role)
    expect(refused == {"sts:AssumeRole"}, f"the role was refused {refused}")
    return f"{role.name}: {', '.join(sorted(_asked(stage.gateway.allowed, role)))}; may become no role"


def change_setting(stage: Stage) -> str:
    """Deploy that in the role of the Deploy workflow: the same API answers, and no object is lost."""
    url, kept, role = stage.api_url, _objects(stage), _role(stage, "deploy")
    stage.outputs = stage.cdk.deploy(role)
    allowed, refused = (_asked(counted, role) for counted in (stage.gateway.allowed, stage.gateway.refused))
    expect(allowed == {"sts:AssumeRole"} and not refused, f"{role.name} asked for {allowed} and was refused {refused}")
    expect(stage.api_url == url, f"the API moved from {url} to {stage.api_url}")
    name = stage.output("Inference", Output.FUNCTION_NAME)
    memory_mb = stage.aws("lambda").get_function_configuration(FunctionName=name)["MemorySize"]
    expect(memory_mb == MEMORY_MB, f"the function still has {memory_mb} MB")
    lost = kept - _objects(stage)
    expect(not lost, f"objects were lost: {sorted(lost)[:5]}")
    stage.start_functions()
    answer = stage.call("GET", "/v1/health")
    expect(answer.is_success, f"health gave {answer.status_code} after the update")
    return f"function at {memory_mb} MB, same URL, {len(kept)} objects kept; {role.name} asked for {', '.join(allowed)}"


def destroy(stage: Stage) -> str:
    """Delete the stacks: the API is gone, the buckets and what is in them stay."""
    kept, url = _objects(stage), stage.api_url
    stage.cdk.destroy()
    left = [stack["StackName"] for stack in stage.aws("cloudformation").describe_stacks()["Stacks"]]
    left = [name for name in left if name.startswith("Leukolens-")]
    expect(not left, f"stacks are left: {left}")
    lost = kept - _objects(stage)
    expect(not lost, f"objects were lost: {sorted(lost)[:5]}")
    if stage.http.get(f"{url}/v1/health").is_success:
        raise StepError("the API still answers")
    return f"API gone; {len(_buckets(stage))} buckets with {len(kept)} objects stay"


def _role(stage: Stage, kind: str) -> Caller:
    """Give the role of a workflow's jobs, whose policy is enforced at the door."""
    return Caller(f"leukolens-{stage.environment.name}-{kind}-{stage.environment.region}", stage.gateway.endpoint)


def _asked(counted: Counter[str], role: Caller) -> set[str]:
    return {action for who, action in map(str.split, counted) if who == role.name}


def _buckets(stage: Stage) -> list[str]:
    buckets = stage.aws("s3").list_buckets()["Buckets"]
    return [bucket["Name"] for bucket in buckets if bucket["Name"].startswith("leukolens-")]


def _objects(stage: Stage) -> set[tuple[str, str]]:
    pages = stage.aws("s3").get_paginator("list_objects_v2")
    return {
        (bucket, s3_object["Key"])
        for bucket in _buckets(stage)
        for page in pages.paginate(Bucket=bucket)
        for s3_object in page.get("Contents", [])
    }
