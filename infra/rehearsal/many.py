"""The step that classifies many images by Step Functions."""

import json
import time
import uuid
from itertools import cycle, islice

from infra.rehearsal.stage import Stage, expect

IMAGES = 50
_TIMEOUT_S = 120.0
_POLL_S = 0.5


def classify_batch(stage: Stage) -> str:
    """Put images and one text file into the data bucket, classify all of them, and read results and summary."""
    s3, states = stage.aws("s3"), stage.aws("stepfunctions")
    data = stage.output("Storage", "DataBucketName")
    for number, image in enumerate(islice(cycle(stage.images), IMAGES)):
        s3.put_object(Bucket=data, Key=f"rehearsal/{number:03d}{image.suffix}", Body=image.read_bytes())
    s3.put_object(Bucket=data, Key="rehearsal/notes.txt", Body=b"not an image")
    s3.put_object(Bucket=data, Key="other/field.jpg", Body=b"outside the prefix")
    begun = time.monotonic()
    name = f"rehearsal-{uuid.uuid4().hex[:8]}"
    started = states.start_execution(
        stateMachineArn=stage.output("Batch", "StateMachineArn"), name=name, input=json.dumps({"prefix": "rehearsal/"})
    )
    done = states.describe_execution(executionArn=started["executionArn"])
    while done["status"] == "RUNNING" and time.monotonic() - begun < _TIMEOUT_S:
        time.sleep(_POLL_S)
        done = states.describe_execution(executionArn=started["executionArn"])
    expect(done["status"] == "SUCCEEDED", f"the batch is {done['status']}: {done.get('error')} {done.get('cause')}")
    seconds = time.monotonic() - begun
    return f"{_check(stage, name, json.loads(done['output']))} in {seconds:.1f} s"


def _check(stage: Stage, name: str, output: dict[str, object]) -> str:
    s3, results = stage.aws("s3"), stage.output("Storage", "ResultsBucketName")
    folder = f"batches/{name}"
    listed = s3.list_objects_v2(Bucket=results, Prefix=f"{folder}/lines/")["Contents"]
    lines = [
        json.loads(line)
        for found in listed
        for line in s3.get_object(Bucket=results, Key=found["Key"])["Body"].read().splitlines()
    ]
    keys = {line["key"] for line in lines}
    expect(len(lines) == len(keys) == IMAGES + 1, f"expected {IMAGES + 1} lines, found {len(lines)}")
    bad = [line["key"] for line in lines if "problem" in line]
    expect(bad == ["rehearsal/notes.txt"], f"expected one problem, the text file; found {bad}")
    summary = json.loads(s3.get_object(Bucket=results, Key=f"{folder}/summary.json")["Body"].read())
    expect(summary == output, f"the execution's output {output} is not the summary {summary}")
    counts = (summary["images"], summary["problems"], sum(summary["verdicts"].values()))
    expect(counts == (IMAGES + 1, 1, IMAGES), f"the summary does not add up: {summary}")
    return f"{IMAGES} images and 1 text file: {summary['verdicts']}, 1 problem"
