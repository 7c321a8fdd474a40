import json
from pathlib import Path
from typing import Any

import boto3
import pytest
from moto import mock_aws
from settings import Settings

import inference
from api.batch import BatchEventError, run
from api.errors import ModelNotFound, StorageUnavailable
from api.schemas import BatchLine
from api.service import Service

LABELS = {"Benign", "Early", "Pre", "Pro"}


@pytest.fixture(scope="module")
def service(lenient_model: Path) -> Service:
    """Give a loaded service."""
    return Service(Settings(model_dir=lenient_model, max_upload_bytes=1_000_000))


@pytest.fixture
def folder(tmp_path: Path, sample: bytes) -> Path:
    """Give a folder of stored images: two good, four bad."""
    images = tmp_path / "images"
    images.mkdir()
    for name, data in {
        "good 1.png": sample,
        "gut ü.png": sample,
        "text.jpg": b"Dear laboratory",
        "cut.png": sample[:1000],
        "empty.png": b"",
        "huge.png": sample + b"\x00" * 1_000_000,
    }.items():
        (images / name).write_bytes(data)
    return tmp_path


def _event(folder: Path, *keys: str) -> dict[str, Any]:
    where = {"bucket": (folder / "images").as_uri(), "results_bucket": folder.as_uri(), "results_prefix": "results/r1"}
    return {"BatchInput": where, "Items": [{"Key": key, "Size": 1, "Etag": "x"} for key in keys]}


def _lines(folder: Path, key: str) -> list[BatchLine]:
    return [BatchLine.model_validate(json.loads(line)) for line in (folder / key).read_text("utf-8").splitlines()]


def test_every_image_becomes_one_line_and_bad_ones_fail_nothing(service: Service, folder: Path) -> None:
    keys = ["good 1.png", "text.jpg", "cut.png", "empty.png", "huge.png", "gone.png", "gut ü.png", "../secret"]
    result = run(service, _event(folder, *keys))
    assert (result.images, result.problems) == (8, 6)
    lines = _lines(folder, result.results_key)
    assert [line.key for line in lines] == keys
    statuses = {line.key: line.problem.status for line in lines if line.problem}
    assert statuses == {
        "text.jpg": 415, "cut.png": 422, "empty.png": 400, "huge.png": 413, "gone.png": 404, "../secret": 404,
    }  # fmt: skip
    assert all(line.prediction and line.prediction.prediction.label in LABELS for line in (lines[0], lines[6]))
    assert sum(result.triage.values()) == sum(result.labels.values()) == 2


def test_strangers_are_counted_under_no_label(folder: Path) -> None:
    result = run(Service(Settings(max_upload_bytes=1_000_000)), _event(folder, "good 1.png"))
    assert (result.triage, result.labels) == ({"out_of_distribution": 1}, {})
    (line,) = _lines(folder, result.results_key)
    assert line.prediction is not None
    assert line.prediction.probabilities is None
    assert line.prediction.summary == "not a field that the model knows"


def test_a_batch_names_the_model_that_it_wants(service: Service, folder: Path) -> None:
    event = _event(folder, "good 1.png")
    event["BatchInput"] |= {"model": "lenient"}
    assert run(service, event).images == 1
    event["BatchInput"] |= {"model": "another"}
    with pytest.raises(ModelNotFound):
        run(service, event)


def test_a_batch_run_again_writes_the_same_object(service: Service, folder: Path) -> None:
    first = run(service, _event(folder, "good 1.png", "text.jpg"))
    content = (folder / first.results_key).read_bytes()
    again = run(service, _event(folder, "good 1.png", "text.jpg"))
    assert again == first
    assert (folder / again.results_key).read_bytes() == content
    other = run(service, _event(folder, "good 1.png"))
    assert other.results_key != first.results_key


@pytest.mark.parametrize(
    "event",
    [{}, {"Items": [], "BatchInput": {"bucket": "b", "results_bucket": "r"}}, {"Items": [{"Key": "k"}]}],
)
def test_another_event_is_refused(service: Service, event: dict[str, Any]) -> None:
    with pytest.raises(BatchEventError):
        run(service, event)


@pytest.mark.parametrize("prefix", ["a/../../../etc", "..", "a//b", "/etc", "a/.", "a/.hidden", ""])
def test_results_never_leave_their_store(service: Service, folder: Path, prefix: str) -> None:
    event = _event(folder, "good 1.png")
    event["BatchInput"]["results_prefix"] = prefix
    before = set(folder.parent.rglob("*"))
    with pytest.raises(BatchEventError):
        run(service, event)
    assert set(folder.parent.rglob("*")) == before


def test_a_bad_item_is_told_without_its_values(service: Service, folder: Path) -> None:
    event = _event(folder, "good 1.png")
    event["Items"] = [{"Key": {"Erika Mustermann": "1.png"}}, {"Mustermann.png": 1}]
    with pytest.raises(BatchEventError) as told:
        run(service, event)
    assert "Items.0.Key" in str(told.value)
    assert "Mustermann" not in str(told.value)
    assert told.value.__cause__ is None


def test_without_a_model_the_batch_fails_and_can_be_tried_again(tmp_path: Path, folder: Path) -> None:
    with pytest.raises(inference.ModelError):
        run(Service(Settings(model_dir=tmp_path / "nowhere")), _event(folder, "good 1.png"))


def test_s3_objects_are_read_and_written(service: Service, sample: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    event = {
        "BatchInput": {"bucket": "images-test", "results_bucket": "results-test"},
        "Items": [{"Key": "slide 1/ü.png"}, {"Key": "gone"}],
    }
    with mock_aws():
        s3 = boto3.client("s3")
        s3.create_bucket(Bucket="images-test")
        s3.put_object(Bucket="images-test", Key="slide 1/ü.png", Body=sample)
        with pytest.raises(StorageUnavailable):
            run(service, event)  # the results bucket is not there yet: the state machine tries again
        s3.create_bucket(Bucket="results-test")
        result = run(service, event)
        body = s3.get_object(Bucket="results-test", Key=result.results_key)["Body"].read()
    assert (result.images, result.problems) == (2, 1)
    assert [bool(json.loads(line).get("prediction")) for line in body.splitlines()] == [True, False]


def test_no_key_reaches_the_log(service: Service, folder: Path, written: Any) -> None:
    run(service, _event(folder, "good 1.png", "gone.png"))
    lines = written()
    assert '"message":"batch"' in lines
    assert "good 1" not in lines
    assert "gone.png" not in lines
