"""docs/training.md shows what the commands print; LEUKOLENS_UPDATE_SNAPSHOTS=1 writes it anew."""

import io
import json
import os
import re
from pathlib import Path

from rich.console import Console

from tests.unit.training.sagemaker_jobs.conftest import GRID
from training.sagemaker_jobs.deployment import assumed_deployment, read_environment
from training.sagemaker_jobs.jobs import Job
from training.sagemaker_jobs.prices import cost_table, fill, read_prices
from training.sagemaker_jobs.table import View, render

PAGE = Path(__file__).resolve().parents[4] / "docs" / "training.md"


def _shows(name, text):
    if os.environ.get("LEUKOLENS_UPDATE_SNAPSHOTS"):
        fill(PAGE, name, text)
    block = re.search(rf"<!-- {name}: begin[^\n]*-->\n(.*?)<!-- {name}: end -->", PAGE.read_text(), re.DOTALL)
    assert block[1].strip() == text.strip(), "run this test with LEUKOLENS_UPDATE_SNAPSHOTS=1"


def test_the_page_shows_the_table_of_costs():
    _shows("costs", cost_table(read_prices(), "eu-central-1"))


def test_costs_and_a_sweep_are_written_into_a_page(tmp_path, command):
    page, sweep = tmp_path / "page.md", tmp_path / "sweep.md"
    page.write_text("<!-- costs: begin -->\nold\n<!-- costs: end -->\n<!-- sweep: begin -->\n<!-- sweep: end -->\n")
    sweep.write_text("| Optimizer | Mean |\n")
    assert command("costs", "--docs", str(page), "--sweep", str(sweep)).code == 0
    assert "`ml.m5.xlarge`" in page.read_text()
    assert "old" not in page.read_text()
    assert "begin -->\n| Optimizer | Mean |\n<!-- sweep: end" in page.read_text()
    page.write_text("nothing to fill")
    told = command("costs", "--docs", str(page))
    assert told.code == 2
    assert "<!-- costs: begin -->" in told.err


def test_the_page_shows_the_dry_run(command):
    told = command(*GRID, "--dry-run")
    assert told.code == 0, told.err
    first = json.loads(told.out)["jobs"][0]
    del first["AlgorithmSpecification"]["MetricDefinitions"], first["Tags"]
    # The hash is of the code, which changes with every commit.
    shown = re.sub(r"code/[0-9a-f]{16}", "code/HASH", json.dumps(first, indent=2))
    _shows("dry-run", f"```text\n{told.err}```\n\n```json\n{shown}\n```")


def test_the_page_shows_the_table_of_jobs():
    jobs = [
        _job(1, "Completed", "adam", 16, epoch=6, objective=0.9731, seconds=1620, billed=486),
        _job(2, "Completed", "adam", 32, epoch=6, objective=0.9702, seconds=1500, billed=450),
        _job(3, "InProgress", "adam", 64, epoch=4, objective=0.9515, seconds=960, billed=960),
        _job(4, "InProgress", "sgd", 16, epoch=1, objective=0.6120, seconds=310, billed=310),
        _job(5, "InProgress", "sgd", 32, doing="Downloading", seconds=0, billed=0),
    ]
    console = Console(file=io.StringIO(), width=140)
    console.print(render(View(jobs, []), assumed_deployment(read_environment("dev")), read_prices()))
    lines = "\n".join(line.rstrip() for line in console.file.getvalue().splitlines())
    _shows("table", f"```text\n{lines}\n```")


def _job(number, status, optimizer, batch_size, *, doing="Training", epoch=None, objective=None, seconds, billed):
    return Job(
        name=f"leukolens-dev-nine-{number:03}-0a1b2c3d",
        status=status,
        doing=doing,
        hyperparameters={"optimizer": optimizer, "batch-size": str(batch_size), "epochs": "6"},
        instance_type="ml.m5.xlarge",
        instances=1,
        epoch=epoch,
        objective=objective,
        seconds=seconds,
        billed_seconds=billed,
        failure=None,
        spot=True,
        trained_seconds=seconds if status == "Completed" else None,
    )
