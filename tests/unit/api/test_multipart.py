import pytest

from api.errors import InvalidRequest, NothingToRead
from api.multipart import file_field
from tests.contract.gateway import multipart


def test_the_file_arrives_byte_for_byte() -> None:
    content = bytes(range(256)) * 50 + b"\r\n--xy\r\n--xyz not a boundary"
    body, content_type = multipart(content, boundary="----q1w2")
    assert file_field(body, content_type) == content


def test_other_fields_are_passed_over() -> None:
    other = b'--xyz\r\nContent-Disposition: form-data; name="note"\r\n\r\nhello\r\n'
    body, content_type = multipart(b"\xff\xd8\xff")
    assert file_field(other + body, content_type) == b"\xff\xd8\xff"


def test_a_quoted_boundary_is_read() -> None:
    body, _ = multipart(b"abc", boundary="a b")
    assert file_field(body, 'multipart/form-data; boundary="a b"') == b"abc"


@pytest.mark.parametrize("content", [b"", None])
def test_a_missing_or_empty_file_is_nothing_to_read(content: bytes | None) -> None:
    body, content_type = multipart(b"x", field="image") if content is None else multipart(content)
    with pytest.raises(NothingToRead, match="'file'"):
        file_field(body, content_type)


def test_two_files_are_refused() -> None:
    first, content_type = multipart(b"one")
    with pytest.raises(InvalidRequest, match="one image a request"):
        file_field(first.replace(b"--xyz--\r\n", b"") + first, content_type)


@pytest.mark.parametrize(
    "content_type",
    [
        "multipart/form-data",
        "multipart/form-data; boundary=",
        "multipart/form-data; boundary=" + "b" * 300,
        "multipart/form-data; boundary=🩸",
    ],
)
def test_a_header_without_a_usable_boundary_is_refused(content_type: str) -> None:
    with pytest.raises(InvalidRequest):
        file_field(b"--xyz--\r\n", content_type)


@pytest.mark.parametrize("keep", range(0, 120, 3))
def test_a_body_cut_short_anywhere_is_refused(keep: int) -> None:
    body, content_type = multipart(b"0123456789" * 4)
    assert keep < len(body) - 4
    with pytest.raises((InvalidRequest, NothingToRead)):
        file_field(body[:keep], content_type)


@pytest.mark.parametrize(
    "body",
    [
        b"\x00" * 100,
        b"--xyz\r\n\xff\xfe: \xff\r\n\r\n\r\n--xyz--\r\n",
        b"--xyz\r\n" + b"A: b\r\n" * 1000 + b"\r\n--xyz--\r\n",
        b"--xyz\r\nContent-Disposition: form-data; name=\xff\xff\r\n\r\nabc\r\n--xyz--\r\n",
        b"--xyz\r\n\r\nno headers\r\n--xyz--\r\n",
    ],
)
def test_a_malformed_form_is_the_requests_fault(body: bytes) -> None:
    with pytest.raises((InvalidRequest, NothingToRead)):
        file_field(body, "multipart/form-data; boundary=xyz")


def test_a_form_of_very_many_fields_is_refused_before_it_is_parsed(monkeypatch: pytest.MonkeyPatch) -> None:
    body = b'--b\r\nContent-Disposition: form-data; name="x"\r\n\r\n\r\n' * 480_000 + b"--b--\r\n"
    monkeypatch.setattr("api.multipart.MultipartParser", None)  # whoever called it would fail
    with pytest.raises(InvalidRequest, match="more than 100 fields"):
        file_field(body, "multipart/form-data; boundary=b")
