"""What was measured of the worst file of each format is within the limits that decoding promises."""

from benchmarks.intake import LIMIT_MB, LIMIT_S, last_measured, names
from intake.limits import FORMAT_MAX_PIXELS

KINDS = {"HEIC": "HEIF", "JPEG 2000": "JPEG2000", "WebP": "WEBP"}


def test_no_accepted_file_takes_3_s_or_700_mb() -> None:
    rows = last_measured()
    assert [row["name"] for row in rows] == names()
    kinds = [row["name"].partition(",")[0] for row in rows]
    assert {KINDS.get(kind, kind) for kind in kinds} >= set(FORMAT_MAX_PIXELS)
    assert (LIMIT_S, LIMIT_MB) == (3.0, 700.0)
    for row in rows:
        assert not row["told"].startswith("refused"), row["name"]
        assert row["seconds"] < LIMIT_S, row["name"]
        assert row["peak_mb"] < LIMIT_MB, row["name"]
