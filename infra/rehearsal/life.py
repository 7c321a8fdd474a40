"""Steps about the stacks' life: an update in place, and the end."""

from infra.rehearsal.stage import Stage, StepError, expect
from infra.rehearsal.variants import CHANGED, MEMORY_MB, write_environment


def change_setting(stage: Stage) -> str:
    """Deploy again with two settings changed: the same API answers, and no object is lost."""
    url, kept = stage.api_url, _objects(stage)
    stage.cdk.environments = write_environment(stage.environment.name, CHANGED, stage.work / "changed")
    stage.outputs = stage.cdk.deploy()
    expect(stage.api_url == url, f"the API moved from {url} to {stage.api_url}")
    name = stage.output("Inference", "FunctionName")
    memory_mb = stage.aws("lambda").get_function_configuration(FunctionName=name)["MemorySize"]
    expect(memory_mb == MEMORY_MB, f"the function still has {memory_mb} MB")
    lost = kept - _objects(stage)
    expect(not lost, f"objects were lost: {sorted(lost)[:5]}")
    stage.start_functions()
    answer = stage.call("GET", "/v1/health")
    expect(answer.is_success, f"health gave {answer.status_code} after the update")
    return f"function at {memory_mb} MB, same URL, {len(kept)} objects kept"


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


def _buckets(stage: Stage) -> list[str]:
    found = stage.aws("s3").list_buckets()["Buckets"]
    return [bucket["Name"] for bucket in found if bucket["Name"].startswith("leukolens-")]


def _objects(stage: Stage) -> set[tuple[str, str]]:
    pages = stage.aws("s3").get_paginator("list_objects_v2")
    return {
        (bucket, found["Key"])
        for bucket in _buckets(stage)
        for page in pages.paginate(Bucket=bucket)
        for found in page.get("Contents", [])
    }
