"""A batch's summary is the sum of what its calls answered, however the map hands them over."""

import json

import pytest
from pydantic import ValidationError
from summary import handler


def _call(images, problems, **verdicts):
    return {
        "images": images,
        "problems": problems,
        "results_key": "batches/b/lines/x.jsonl",
        "triage": {"malignant": images - problems},
        "labels": {"Pre": images - problems},
        "verdicts": verdicts,
    }


CALLS = [_call(50, 1, accepted=48, uncertain=1), _call(50, 0, accepted=50), _call(3, 3)]
EXPECTED = {
    "folder": "batches/b",
    "images": 103,
    "problems": 4,
    "calls": 4,
    "failed_calls": 1,
    "triage": {"malignant": 99},
    "labels": {"Pre": 99},
    "verdicts": {"accepted": 98, "uncertain": 1},
}


def _write(folder, name, text):
    path = folder / "batches" / "b" / "calls" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return f"batches/b/calls/{name}"


def test_answers_in_the_event_are_summed(tmp_path):
    event = {"results_bucket": tmp_path.as_uri(), "folder": "batches/b", "calls": [*CALLS, None]}
    assert handler(event, None) == EXPECTED
    assert json.loads((tmp_path / "batches" / "b" / "summary.json").read_text()) == EXPECTED


def test_answers_that_the_result_writer_wrote_are_summed(tmp_path):
    done = _write(tmp_path, "SUCCEEDED_0.jsonl", "".join(json.dumps(call) + "\n" for call in CALLS))
    failed = _write(tmp_path, "FAILED_0.jsonl", '{"Error": "Lambda.Unknown", "Status": "FAILED"}\n')
    manifest = {"ResultFiles": {"SUCCEEDED": [{"Key": done}], "FAILED": [{"Key": failed}], "PENDING": []}}
    details = {"Bucket": "results", "Key": _write(tmp_path, "manifest.json", json.dumps(manifest))}
    calls = {"MapRunArn": "arn:aws:states:eu-central-1:1:mapRun:m/fields:1", "ResultWriterDetails": details}
    assert handler({"results_bucket": tmp_path.as_uri(), "folder": "batches/b", "calls": calls}, None) == EXPECTED


def test_a_prefix_without_objects_is_an_empty_summary(tmp_path):
    summary = handler({"results_bucket": tmp_path.as_uri(), "folder": "batches/b", "calls": []}, None)
    assert (summary["images"], summary["calls"]) == (0, 0)


@pytest.mark.parametrize(
    "event", [{}, {"results_bucket": "b", "folder": "f"}, {"results_bucket": "b", "folder": "f", "calls": [{}]}]
)
def test_another_event_is_refused(event):
    with pytest.raises(ValidationError):
        handler(event, None)


def test_a_file_that_the_manifest_names_and_nobody_wrote_is_named(tmp_path):
    calls = {"ResultWriterDetails": {"Key": "batches/b/calls/manifest.json"}}
    with pytest.raises(FileNotFoundError, match=r"batches/b/calls/manifest\.json is not in the results bucket"):
        handler({"results_bucket": tmp_path.as_uri(), "folder": "batches/b", "calls": calls}, None)
