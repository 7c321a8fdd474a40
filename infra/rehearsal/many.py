"""The step that classifies many images by Step Functions, with the client's own command."""

import csv
import json
import os
import re
import sys
import time
from itertools import cycle, islice
from typing import Any

from client.batch.command import EXIT_SOME
from infra.image import ROOT
from infra.rehearsal.program import run_program
from infra.rehearsal.stage import Stage, expect
from infra.stack import Output

IMAGES = 50
_NOT_AN_IMAGE = "rehearsal/notes.txt"


def classify_batch(stage: Stage) -> str:
    """Put images and one text file into the data bucket, and let ``python -m client batch`` classify all of them."""
    s3, data = stage.aws("s3"), stage.output("Storage", Output.DATA_BUCKET_NAME)
    for number, image in enumerate(islice(cycle(stage.images), IMAGES)):
        s3.put_object(Bucket=data, Key=f"rehearsal/{number:03d}{image.suffix}", Body=image.read_bytes())
    s3.put_object(Bucket=data, Key=_NOT_AN_IMAGE, Body=b"not an image")
    s3.put_object(Bucket=data, Key="other/field.jpg", Body=b"outside the prefix")
    begun = time.monotonic()
    target = stage.work / "results.csv"
    command = [sys.executable, "-m", "client", "batch", f"s3://{data}/rehearsal/", "--wait", "--output", str(target)]
    environment = os.environ | stage.emulator.credentials
    # The text file has no answer, which the command says by its exit code.
    printed = run_program(
        [*command, "--env", stage.environment.name], environment=environment, folder=ROOT, expected=EXIT_SOME
    )
    seconds = time.monotonic() - begun
    with target.open(newline="", encoding="utf-8") as file:
        _check_rows(list(csv.DictReader(file)))
    return f"{_check_summary(stage, printed)}; client batch --wait took {seconds:.1f} s"


def _check_rows(rows: list[dict[str, Any]]) -> None:
    keys = {row["key"] for row in rows}
    expect(len(rows) == len(keys) == IMAGES + 1, f"expected {IMAGES + 1} rows, found {len(rows)}")
    unanswered = [row["key"] for row in rows if row["error"]]
    expect(unanswered == [_NOT_AN_IMAGE], f"expected one row without an answer, the text file's; found {unanswered}")


def _check_summary(stage: Stage, printed: str) -> str:
    """Compare the summary in S3 with the output of the execution that the command named."""
    (arn,) = re.findall(r"Started (\S+)", printed)
    output = json.loads(stage.aws("stepfunctions").describe_execution(executionArn=arn)["output"])
    results, key = stage.output("Storage", Output.RESULTS_BUCKET_NAME), f"{output['folder']}/summary.json"
    summary = json.loads(stage.aws("s3").get_object(Bucket=results, Key=key)["Body"].read())
    expect(summary == output, f"the execution's output {output} is not the summary {summary}")
    counts = (summary["images"], summary["problems"], sum(summary["verdicts"].values()))
    expect(counts == (IMAGES + 1, 1, IMAGES), f"the summary does not add up: {summary}")
    return f"{IMAGES} images and 1 text file: {summary['verdicts']}, 1 problem"
