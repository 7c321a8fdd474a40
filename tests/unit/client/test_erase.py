"""``python -m client erase``, against the folder of a service and against what answers as Lambda does."""

import json
from pathlib import Path

import pytest

from client.cli import main

from .scripted import Reply

UPLOAD = "0" * 32


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for key in ("feedback/request-1/a.json", "feedback/request-1/b.png", "feedback/request-10/a.json"):
        (tmp_path / key).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / key).write_bytes(b"kept")
    (tmp_path / "uploads").mkdir()
    (tmp_path / "uploads" / UPLOAD).write_bytes(b"an image")
    return tmp_path


def _left(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


def test_feedback_and_uploads_of_this_machine_are_erased_with_a_line_each(folder, capsys):
    asked = ["erase", "--data", str(folder), "--asked-by", "ticket 7", "--feedback", "request-1", "--upload", UPLOAD]
    assert main(asked) == 0
    lines = [line for line in capsys.readouterr().out.splitlines() if "objects=" in line]
    assert lines == [
        "request_id=request-1 objects=2 asked_by=ticket 7",
        f"upload_id={UPLOAD} objects=1 asked_by=ticket 7",
    ]
    assert _left(folder) == {"feedback/request-10/a.json"}


def test_an_id_under_which_nothing_is_kept_is_told_and_is_no_success(folder, capsys):
    assert main(["erase", "--data", str(folder), "--asked-by", "x", "--feedback", "request-2"]) == 1
    assert "Nothing was kept" in capsys.readouterr().err
    assert len(_left(folder)) == 4


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        (["--asked-by", "x"], 2, "Give --feedback"),
        (["--asked-by", "x", "--feedback", "../uploads"], 3, "request_id"),
        (["--asked-by", "x", "--upload", "request-1"], 3, "upload_id"),
        (["--feedback", "request-1"], 3, "--asked-by"),
    ],
)
def test_a_mistake_erases_nothing(folder, capsys, arguments, code, told):
    assert main(["erase", "--data", str(folder), *arguments]) == code
    assert told in capsys.readouterr().err
    assert len(_left(folder)) == 4


@pytest.fixture
def signed_in(monkeypatch: pytest.MonkeyPatch) -> None:
    values = {"ACCESS_KEY_ID": "x", "SECRET_ACCESS_KEY": "x", "DEFAULT_REGION": "eu-central-1"}
    for name, value in values.items():
        monkeypatch.setenv(f"AWS_{name}", value)
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)


def _ask(server, *arguments):
    return main(["erase", "--asked-by", "ticket 7", "--endpoint-url", server.url, *arguments])


@pytest.mark.usefixtures("signed_in")
def test_on_aws_the_environments_function_is_called_with_who_asked(scripted, capsys):
    server = scripted(Reply(200, json.dumps({"request_id": "request-1", "objects": 3}).encode()))
    assert _ask(server, "--env", "staging", "--feedback", "request-1") == 0
    assert "request_id=request-1 objects=3 asked_by=ticket 7" in capsys.readouterr().out
    (request,) = server.seen
    assert request.path == "/2015-03-31/functions/leukolens-staging-erase/invocations"
    assert json.loads(request.body) == {"erase": {"request_id": "request-1", "asked_by": "ticket 7"}}


@pytest.mark.parametrize(
    ("reply", "told"),
    [
        (
            Reply(200, b'{"errorMessage": "Not everything was erased"}', {"X-Amz-Function-Error": "Unhandled"}),
            "Not everything was erased",
        ),
        (Reply(404, b'{"Message": "no"}', {"x-amzn-errortype": "ResourceNotFoundException"}), "There is no function"),
        (Reply(403, b'{"Message": "no"}', {"x-amzn-errortype": "AccessDeniedException"}), "leukolens-dev-eraser"),
        (Reply(500, b"{}"), "AWS says"),
    ],
)
@pytest.mark.usefixtures("signed_in")
def test_what_was_not_erased_is_told_once_and_not_asked_again(scripted, capsys, reply, told):
    server = scripted(reply)
    assert _ask(server, "--upload", UPLOAD) == 3
    printed = capsys.readouterr()
    assert told in printed.err
    assert not printed.out
    assert len(server.seen) == 1
