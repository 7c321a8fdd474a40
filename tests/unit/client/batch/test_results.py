"""Every image of a batch becomes a row, with its answer or with the reason why there is none."""

import csv
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from pyarrow import parquet

from api.schemas import BatchLine, Prediction
from client.batch.aws import Aws
from client.batch.errors import BatchError, WrongRequestError
from client.batch.execution import Execution
from client.batch.machine import Machine
from client.batch.results import NO_LINE, Tally, read_rows
from client.batch.tables import check_target, write_rows
from client.output import answer_columns

SHA = "0" * 64


def _answered(key: str) -> str:
    prediction = {
        "prediction": {"label": "Pre", "probability": 0.75, "verdict": "uncertain"},
        "probabilities": {"Benign": 0.25, "Pre": 0.75},
        "malignant_probability": 0.75,
        "prediction_set": ["Benign", "Pre"],
        "out_of_distribution_score": 1.5,
        "model": {"version": "1.0.0", "sha256": SHA},
        "image": {"sha256": SHA, "width": 224, "height": 224, "format": "JPEG"},
        "request_id": "r",
    }
    return json.dumps({"key": key, "prediction": prediction})


def _refused(key: str) -> str:
    problem = {"type": "urn:x", "title": "Not an image", "status": 415, "detail": "The bytes are of no image."}
    return json.dumps({"key": key, "problem": problem})


@pytest.fixture
def execution(machine: Machine) -> Execution:
    return Execution(
        arn="arn:aws:states:eu-central-1:123456789012:execution:leukolens-dev-batch:run",
        name="run",
        state_machine_arn=machine.arn,
        status="SUCCEEDED",
        prefix="slides/",
        started=datetime.now(UTC) + timedelta(minutes=1),
    )


@pytest.fixture
def written(aws: Aws, machine: Machine) -> None:
    """Put three images, of which one is not one, and the lines of two calls; the third call failed."""
    for name in "abcd":
        aws.s3.put_object(Bucket="smears-data", Key=f"slides/{name}.jpg", Body=b"x")
    calls = [_refused("slides/a.jpg") + "\n", _answered("slides/b.jpg") + "\n" + _answered("slides/c.jpg") + "\n"]
    for number, lines in enumerate(calls):
        aws.s3.put_object(Bucket="smears-results", Key=f"batches/run/lines/{number}.jsonl", Body=lines.encode())
    aws.s3.put_object(Bucket="smears-results", Key="batches/other/lines/0.jsonl", Body=_answered("other").encode())


@pytest.mark.usefixtures("written")
def test_images_of_a_failed_call_are_listed_too(aws: Aws, machine: Machine, execution: Execution):
    tally = Tally(read_rows(aws, machine, execution, failed_calls=1))
    errors = {row["key"]: row["error"] for row in tally}
    assert errors == {
        "slides/a.jpg": "Not an image: The bytes are of no image.",
        "slides/b.jpg": "",
        "slides/c.jpg": "",
        "slides/d.jpg": NO_LINE,
    }
    assert (tally.rows, tally.unanswered, len(tally.first_unanswered)) == (4, 2, 2)


@pytest.mark.usefixtures("written")
def test_what_came_after_the_start_is_no_failure(aws: Aws, machine: Machine, execution: Execution):
    earlier = Execution(
        **{name: getattr(execution, name) for name in ("arn", "name", "state_machine_arn", "status", "prefix")},
        started=datetime.now(UTC) - timedelta(hours=1),
    )
    assert NO_LINE not in {row["error"] for row in read_rows(aws, machine, earlier, failed_calls=1)}


@pytest.mark.usefixtures("written")
def test_parquet_and_csv_hold_the_same(aws: Aws, machine: Machine, execution: Execution, tmp_path: Path):
    for name in ("results.parquet", "results.csv"):
        write_rows(tmp_path / name, read_rows(aws, machine, execution))
    table = parquet.read_table(tmp_path / "results.parquet").to_pylist()
    with (tmp_path / "results.csv").open(newline="") as file:
        lines = list(csv.DictReader(file))
    assert [row["key"] for row in table] == [line["key"] for line in lines] == [f"slides/{n}.jpg" for n in "abc"]
    assert list(lines[0]) == list(table[0])
    assert (table[1]["probability_Pre"], table[1]["prediction_set"]) == (0.75, "Benign Pre")
    assert float(lines[1]["probability_Pre"]) == 0.75
    assert table[0]["label"] is None
    assert lines[0]["label"] == ""


@pytest.mark.parametrize("suffix", [".parquet", ".csv"])
def test_a_stranger_has_no_numbers_in_the_table(tmp_path: Path, suffix: str):
    known = BatchLine.model_validate_json(_answered("a")).prediction
    assert known is not None
    nothing = {"result": None, "probability": None, "verdict": "out_of_distribution"}
    changes = {
        "triage": nothing,
        "prediction": {"label": None, "probability": None, "verdict": "out_of_distribution"},
        "probabilities": None,
        "malignant_probability": None,
        "prediction_set": [],
    }
    strange = Prediction.model_validate(known.model_dump() | changes)
    rows = [{"key": str(n), "error": "", **answer_columns(one)} for n, one in enumerate((strange, known))]
    target = tmp_path / f"results{suffix}"
    write_rows(target, rows)
    if suffix == ".csv":
        first, second = csv.DictReader(target.read_text("utf-8").splitlines())
        assert {first[name] for name in ("probability", "probability_Pre", "malignant_probability", "label")} == {""}
        assert float(second["probability_Pre"]) == 0.75
    else:
        first, second = parquet.read_table(target).to_pylist()
        assert {first[name] for name in ("probability", "probability_Pre", "malignant_probability", "label")} == {None}
        assert second["probability_Pre"] == 0.75
    assert first["triage_verdict"] == first["verdict"] == "out_of_distribution"


def test_a_file_that_breaks_off_does_not_stay(tmp_path: Path):
    def breaking():
        yield {"key": "a", "error": "x"}
        raise BatchError("gone")

    with pytest.raises(BatchError):
        write_rows(tmp_path / "results.csv", breaking())
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("name", "expected"), [("results.xlsx", "must end in .parquet or .csv"), ("none/results.csv", "there is no folder")]
)
def test_a_file_that_cannot_be_written_is_told_at_once(tmp_path: Path, name: str, expected: str):
    with pytest.raises(WrongRequestError, match=expected):
        check_target(tmp_path / name)


def test_a_line_of_something_else_is_told(aws: Aws, machine: Machine, execution: Execution):
    aws.s3.put_object(Bucket="smears-results", Key="batches/run/lines/0.jsonl", Body=b'{"nonsense": 1}\n')
    with pytest.raises(BatchError, match=r"s3://smears-results/batches/run/lines/0\.jsonl holds a line"):
        list(read_rows(aws, machine, execution))
