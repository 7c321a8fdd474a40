import inspect
from pathlib import Path

import pytest

import inference
from api import errors
from api.errors import KINDS, ApiError, InvalidRequest, as_api_error, as_problem, parse
from api.schemas import PROBLEM_TYPE_PREFIX, FeedbackRequest, StoredImage


def test_every_kind_is_listed_once_and_has_a_stable_name() -> None:
    defined = {kind for _, kind in inspect.getmembers(errors, inspect.isclass) if issubclass(kind, ApiError)}
    assert set(KINDS) == defined
    assert len({kind.name for kind in KINDS}) == len(KINDS)
    assert all(400 <= kind.status < 600 for kind in KINDS)


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (inference.EmptyImage("x", "damaged"), 400),
        (inference.NotAnImage("x", "damaged"), 415),
        (inference.UnreadableImage("x", "damaged"), 422),
        (inference.ImageTooSmall("x", "damaged"), 422),
        (inference.ImageTooLarge("x", "damaged"), 413),
        (inference.ModelError("x"), 503),
    ],
)
def test_what_inference_refuses_has_the_contracts_status(error: Exception, status: int) -> None:
    told = as_api_error(error)
    assert told.status == status
    assert told.detail == "x"


def test_every_error_of_inference_is_mapped() -> None:
    for kind in inference.ImageError.__subclasses__():
        assert as_api_error(kind("x", "damaged")).status < 500


def test_an_unforeseen_error_tells_nothing_of_its_cause() -> None:
    problem = as_problem(as_api_error(RuntimeError("password=123")), "abc")
    assert problem.status == 500
    assert "123" not in problem.model_dump_json()
    assert problem.type == "urn:leukolens:problem:internal"
    assert problem.request_id == "abc"


@pytest.mark.parametrize("body", [b"{", b"\xff\xfe", b"[" * 100_000, b"null", b"[]", b'{"upload_id": 5}', b'"\\ud800"'])
def test_json_that_is_not_as_the_schema_says_is_refused(body: bytes) -> None:
    with pytest.raises(InvalidRequest):
        parse(StoredImage, body)


def test_a_refusal_names_fields_and_never_quotes_what_was_sent() -> None:
    with pytest.raises(InvalidRequest) as caught:
        parse(FeedbackRequest, b'{"request_id": "abc", "label": "SECRET VALUE", "image": "SECRET VALUE"}')
    problem = as_problem(caught.value, "abc").model_dump_json()
    assert {error.field for error in caught.value.errors} == {"label", "image"}
    assert "SECRET" not in problem


def test_the_documentation_lists_every_kind() -> None:
    rows = [f"| `{PROBLEM_TYPE_PREFIX}{kind.name}` | {kind.status} | {kind.title} |" for kind in KINDS]
    text = (Path(__file__).resolve().parents[3] / "docs" / "api.md").read_text(encoding="utf-8")
    assert [line for line in text.splitlines() if line.startswith("| `urn:")] == rows
