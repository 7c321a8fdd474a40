from frontend.wording import NO_BREAK, percent, plain, sure


def test_a_percentage_never_claims_certainty():
    assert percent(1.0) == f"over 99.9{NO_BREAK}%"
    assert percent(0.0) == f"under 0.1{NO_BREAK}%"
    assert percent(0.123) == f"12.3{NO_BREAK}%"


def test_certainty_is_told_no_finer_than_it_was_measured():
    assert [sure(value) for value in (0.999999, 0.9899, 0.004)] == [
        f"over 99{NO_BREAK}%",
        f"98{NO_BREAK}%",
        f"under 1{NO_BREAK}%",
    ]


def test_nothing_in_a_name_is_read_as_markdown():
    assert plain("**a**_[x](y)") == r"\*\*a\*\*\_\[x\]\(y\)"
