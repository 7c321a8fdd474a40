"""The plan's arithmetic, by sums small enough to do in one's head; that the page is as computed, tests/docs says."""

from dataclasses import replace

import pytest

from benchmarks.scale import written
from benchmarks.scale.inputs import TARGET, Assumed, Inputs, Measured, Prices, read
from benchmarks.scale.page import render
from benchmarks.scale.plan import Plan, call_s, cost_usd, duration_s, image_ms, limited_by_s3, total_usd
from infra.prices import TABLE as PRICES
from infra.prices import read_prices

FREE = Prices(**dict.fromkeys(Prices.__dataclass_fields__, 0.0))
INPUTS = Inputs(
    FREE,
    Assumed(
        s3_get_ms=30,
        s3_put_ms=100,
        s3_list_ms=100,
        gets_per_second=1e9,
        new_environments_per_second=1e9,
        image_pull_s=0,
    ),
    Measured(image_ms=10, cold_start_s=0, log_bytes_per_image=1000, line_bytes_per_image=500),
)
PLAN = Plan(images=1000, per_call=10, memory_mb=1769, concurrency=10)


@pytest.mark.parametrize(("memory_mb", "expected_ms"), [(1769, 40), (3538, 40), (10_240, 40), (884, 50)])
def test_half_a_cpu_doubles_the_work_and_two_halve_nothing(memory_mb, expected_ms):
    assert image_ms(replace(PLAN, memory_mb=memory_mb), INPUTS) == pytest.approx(expected_ms, abs=0.05)


def test_a_call_is_its_images_and_one_write():
    assert call_s(PLAN, INPUTS) == pytest.approx(10 * 0.040 + 0.100)


def test_calls_share_the_concurrency():
    assert duration_s(PLAN, INPUTS) == pytest.approx({"listing": 0.1, "starting": 0, "classifying": 10 * 0.5}, abs=1e-6)


def test_more_concurrency_than_calls_helps_nothing():
    wide = replace(PLAN, concurrency=1000)
    assert duration_s(wide, INPUTS)["classifying"] == pytest.approx(call_s(PLAN, INPUTS))


def test_one_prefix_of_s3_sets_the_pace():
    slow = replace(INPUTS, assumed=replace(INPUTS.assumed, gets_per_second=100))
    assert duration_s(PLAN, slow)["classifying"] == pytest.approx(10)
    assert limited_by_s3(PLAN, slow)
    assert not limited_by_s3(PLAN, INPUTS)


@pytest.mark.parametrize(
    ("price", "expected_usd"),
    [
        ("lambda_gb_second", 100 * 0.5 * 1769 / 1024),
        ("lambda_request", 100),
        ("transition", 103),
        ("express_request", 100),
        ("express_gb_second", 100 * 0.5 * 64 / 1024),
        ("s3_get", 1000 + 100),
        ("s3_put", 100 + 1),
        ("kms_request", 200),
        ("log_gb", 1000 * 1000 / 1e9),
        ("transfer_gb", 1000 * 500 / 1e9),
    ],
)
def test_every_price_is_paid_for_what_it_counts(price, expected_usd):
    assert total_usd(PLAN, replace(INPUTS, prices=replace(FREE, **{price: 1.0}))) == pytest.approx(expected_usd)


def test_the_page_says_what_the_parts_add_up_to():
    inputs = read()
    page = render(inputs)
    assert f"**{sum(cost_usd(Plan(), inputs).values()):.2f} US dollars" in page
    assert "Check the prices" in page


@pytest.mark.parametrize(
    ("table", "old", "new", "expected"),
    [
        (TARGET, "[assumed.s3_get_ms]", "[assumed.s3_got_ms]", "s3_get_ms, s3_got_ms"),
        (TARGET, 'source = "As above', 'sauce = "As above', "s3_put_ms has no source"),
        (PRICES, 'source = "https://aws.amazon.com/kms/pricing/"\n', "", "source"),
        (PRICES, "usd = 0.63", "usd = -0.63", "greater than or equal to 0"),
    ],
)
def test_what_is_unknown_negative_or_without_a_source_is_refused(tmp_path, table, old, new, expected):
    changed = tmp_path / "table.toml"
    text = table.read_text()
    assert old in text
    changed.write_text(text.replace(old, new, 1))
    with pytest.raises(ValueError, match=expected):
        read(changed) if table == TARGET else read_prices(changed)


def test_what_an_image_writes_is_counted_by_the_service_itself():
    counted, kept = written.bytes_per_image(), read().measured
    assert counted["line"] == pytest.approx(kept.line_bytes_per_image, rel=0.1)
    assert counted["log"] == pytest.approx(kept.log_bytes_per_image, rel=0.1)
