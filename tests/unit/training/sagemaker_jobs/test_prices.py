"""What a plan may cost comes from one table, and a dearer one is refused."""

import pytest

from training.sagemaker_jobs.errors import LaunchError
from training.sagemaker_jobs.plan import Plan
from training.sagemaker_jobs.prices import cost_so_far, estimate, guard, read_prices

PLAN = Plan(
    name="leukolens-dev-x",
    environment="dev",
    kind="train",
    data="s3://a/b",
    fixed={},
    instance_type="ml.m5.xlarge",
    instance_count=2,
    volume_gb=73,
    max_runtime_s=5400,
    keep_alive_s=1800,
)


def test_instances_hours_disks_and_the_warm_pool_all_count():
    found = estimate(PLAN, "us-east-1", read_prices())
    assert found.hours == 2
    assert found.at_most_usd == pytest.approx(2 * 2 * (0.23 + 0.14 * 73 / 730), abs=0.005)


def test_a_region_has_its_own_price():
    prices = read_prices()
    assert prices.hourly("ml.m5.xlarge", "eu-central-1") == pytest.approx(0.23 * 1.26)
    with pytest.raises(LaunchError, match=r"no prices for sa-east-1; priced: .*eu-central-1"):
        prices.hourly("ml.m5.xlarge", "sa-east-1")


def test_a_price_given_by_hand_needs_no_table():
    plan = PLAN.model_copy(update={"instance_type": "ml.p5.48xlarge", "hourly_price_usd": 100.0})
    assert estimate(plan, "sa-east-1", read_prices()).at_most_usd > 400


def test_the_guard_refuses_what_may_cost_more_and_says_what_is_cheaper():
    found = estimate(PLAN, "us-east-1", read_prices())
    guard(found, 1.0, "--max-cost")
    with pytest.raises(LaunchError, match=r"--max-cost \$0\.90: this may cost up to \$0\.98.*shorten --max-runtime"):
        guard(found, 0.9, "--max-cost")


def test_cost_so_far():
    assert cost_so_far(1800, 2, 0.5) == pytest.approx(0.5)
