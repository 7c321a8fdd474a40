import pytest
from hypothesis import given
from hypothesis import strategies as st

from frontend.transport import frames


@given(st.binary(max_size=600_000))
def test_a_message_comes_out_as_it_went_in(message: bytes):
    joiner = frames.Joiner(limit_bytes=1_000_000)
    taken = [joiner.take(part) for part in frames.split(message)]
    assert taken[-1] == message
    assert taken[:-1] == [None] * (len(taken) - 1)


@pytest.mark.parametrize("length", [0, 1, frames.PART_BYTES - 1, frames.PART_BYTES, frames.PART_BYTES + 1])
def test_parts_are_never_larger_than_allowed(length: int):
    parts = list(frames.split(bytes(length)))
    assert all(len(part) <= frames.PART_BYTES + 1 for part in parts)
    assert len(parts) == max(1, -(-length // frames.PART_BYTES))


def test_messages_follow_each_other():
    joiner = frames.Joiner(limit_bytes=10)
    assert [joiner.take(part) for part in (b"\x00ab", b"\x01cd", b"\x01ef")] == [None, b"abcd", b"ef"]


@pytest.mark.parametrize("part", ["text", b"", b"\x02abc"])
def test_what_is_not_of_the_format_is_refused(part: bytes | str):
    with pytest.raises(frames.FrameError):
        frames.Joiner(limit_bytes=10).take(part)


def test_a_message_over_the_limit_is_refused_before_it_is_whole():
    joiner = frames.Joiner(limit_bytes=10)
    joiner.take(b"\x00" + bytes(8))
    with pytest.raises(frames.FrameError, match="10 bytes"):
        joiner.take(b"\x00" + bytes(8))
