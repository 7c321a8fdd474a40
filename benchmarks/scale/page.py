"""docs/scale.md: every number in it is computed from the inputs."""

from dataclasses import replace

from benchmarks.machine import ROOT
from benchmarks.markdown import table
from infra.config import Environment
from infra.environments import NAMES, load_environment
from infra.prices import read_prices

from .inputs import Assumed, Inputs, Prices, notes, read
from .plan import VCPU_MB, Plan, call_s, cost_usd, duration_s, image_ms, limited_by_s3, total_usd

TARGET = ROOT / "docs" / "scale.md"
MEMORIES_MB = (VCPU_MB // 2, VCPU_MB, 2 * VCPU_MB, 3 * VCPU_MB, 4 * VCPU_MB, 5 * VCPU_MB, 10_240)
CONCURRENCIES = (1, 20, 200, 1_000, 3_000)
GETS_MS = (10.0, 30.0, 100.0)
PER_CALL = (1, 10, 50, 200)
_HEAD = """# One million images: what they cost, and how long they take

Made by `python -m benchmarks.scale` from the measurements in `benchmarks/results`, the prices in `infra/prices.toml`
and the assumptions in `benchmarks/scale/inputs.toml`, listed [below](#what-it-is-computed-from) with their sources.
**Check the prices before you rely on a sum**: they are those that were written down on the day given. It is a plan on
paper: no batch of this size has run on AWS.

"""


def render(inputs: Inputs | None = None) -> str:
    """Give the page."""
    inputs = inputs or read()
    plan = Plan()
    parts = (_answer, _cost, _memory, _time, _environments, _sensitivity)
    return _HEAD + "\n".join([*(part(plan, inputs) for part in parts), _inputs(inputs)])


def _answer(plan: Plan, inputs: Inputs) -> str:
    return (
        f"With {plan.memory_mb:,} MB (one virtual CPU), {plan.per_call} images a call and {plan.concurrency} calls at"
        f" once: **{total_usd(plan, inputs):.2f} US dollars and about {_minutes(plan, inputs)}**. An image takes"
        f" {image_ms(plan, inputs):.0f} ms, of which {inputs.measured.image_ms:.1f} ms are measured (decoding,"
        f" resizing, inference, answer) and {inputs.assumed.s3_get_ms:.0f} ms are the assumed wait for S3.\n"
    )


def _cost(plan: Plan, inputs: Inputs) -> str:
    costs = cost_usd(plan, inputs)
    rows = [*((name, f"{usd:.2f}") for name, usd in costs.items()), ("**together**", f"**{sum(costs.values()):.2f}**")]
    return "## Where the money goes\n\n" + table(["part", "US dollars"], rows)


def _memory(plan: Plan, inputs: Inputs) -> str:
    rows = []
    for memory_mb in MEMORIES_MB:
        variant = replace(plan, memory_mb=memory_mb)
        rows.append(
            (
                f"{memory_mb:,}",
                f"{variant.vcpus:.1f}",
                f"{image_ms(variant, inputs):.0f}",
                f"{total_usd(variant, inputs):.2f}",
                _minutes(variant, inputs),
            )
        )
    return (
        "## By memory\n\nThe model runs on one thread, so more than one virtual CPU buys memory for large fields, and"
        " no speed; [Measurements](benchmarks.md) have the price with a thread for each.\n\n"
        + table(["memory, MB", "virtual CPUs", "ms an image", "US dollars", "time"], rows)
    )


def _time(plan: Plan, inputs: Inputs) -> str:
    rows = []
    for concurrency in CONCURRENCIES:
        variant = replace(plan, concurrency=concurrency)
        durations = duration_s(variant, inputs)
        limit = "S3, one prefix" if limited_by_s3(variant, inputs) else "calls at once"
        rows.append(
            (
                f"{concurrency:,}",
                *(f"{seconds:,.0f}" for seconds in durations.values()),
                _minutes(variant, inputs),
                limit,
            )
        )
    return (
        "## By calls at once\n\nParts one after another, in seconds: an upper estimate, for listing and classifying"
        f" overlap. One prefix of S3 gives {inputs.assumed.gets_per_second:,.0f} objects a second; beyond that, spread"
        " the fields over several prefixes and start a batch for each. An account has 1,000 calls at once unless"
        " raised, and the API shares them.\n\n"
        + table(["at once", "listing", "starting", "classifying", "together", "limited by"], rows)
    )


def _environments(plan: Plan, inputs: Inputs) -> str:
    rows = []
    for name in NAMES:
        environment_plan = of_environment(load_environment(name))
        rows.append(
            (
                f"`{name}`",
                f"{environment_plan.memory_mb:,}",
                environment_plan.per_call,
                environment_plan.concurrency,
                f"{total_usd(environment_plan, inputs):.2f}",
                _minutes(environment_plan, inputs),
            )
        )
    return "## As the environments are set\n\n" + table(
        ["environment", "memory, MB", "images a call", "at once", "US dollars", "time"], rows
    )


def of_environment(environment: Environment) -> Plan:
    """Give the plan of a million images with an environment's own settings."""
    return Plan(
        per_call=environment.batch.items_per_batch,
        memory_mb=environment.inference.memory_mb,
        concurrency=environment.batch.max_concurrency,
    )


def _sensitivity(plan: Plan, inputs: Inputs) -> str:
    gets = []
    for wait_ms in GETS_MS:
        variant_inputs = replace(inputs, assumed=replace(inputs.assumed, s3_get_ms=wait_ms))
        gets.append((f"{wait_ms:.0f}", f"{total_usd(plan, variant_inputs):.2f}", _minutes(plan, variant_inputs)))
    calls = []
    for number in PER_CALL:
        variant = replace(plan, per_call=number)
        calls.append(
            (number, f"{variant.calls:,}", f"{call_s(variant, inputs):.2f}", f"{total_usd(variant, inputs):.2f}")
        )
    return (
        "## What it depends on\n\nThe wait for S3 is the largest unknown:\n\n"
        + table(["ms from S3", "US dollars", "time"], gets)
        + "\nImages of one call: fewer calls save transitions; a failed call loses more.\n\n"
        + table(["images a call", "calls", "seconds a call", "US dollars"], calls)
    )


def _inputs(inputs: Inputs) -> str:
    input_notes, measured = notes(), inputs.measured
    prices = [
        (entry.what, f"{entry.usd:.10f}".rstrip("0"), entry.source, entry.as_of)
        for entry in (read_prices()[name] for name in Prices.__dataclass_fields__)
    ]
    assumed = [
        (
            input_notes["assumed"][name]["what"],
            f"{getattr(inputs.assumed, name):,.0f}",
            _unit(name),
            input_notes["assumed"][name]["source"],
        )
        for name in Assumed.__dataclass_fields__
    ]
    measured_rows = [
        ("one image through the handler, one core, median", f"{measured.image_ms:.1f} ms", "`serving.json`"),
        ("start of a process to its first answer, median", f"{measured.cold_start_s:.2f} s", "`serving.json`"),
        ("log of one image", f"{measured.log_bytes_per_image:,.0f} bytes", "`scaling.json`"),
        ("line of one image in the results", f"{measured.line_bytes_per_image:,.0f} bytes", "`scaling.json`"),
    ]
    return (
        "## What it is computed from\n\nMeasured:\n\n"
        + table(["what", "value", "file"], measured_rows)
        + "\nAssumed:\n\n"
        + table(["what", "value", "unit", "source"], assumed)
        + "\nPrices, eu-central-1:\n\n"
        + table(["what", "US dollars", "source", "as of"], prices)
        + "\nNot in it: storage of images and results by the month, the dashboard's own metrics, the free tiers, tax.\n"
    )


def _unit(name: str) -> str:
    return {"ms": "ms", "s": "s", "second": "a second"}[name.rpartition("_")[2]]


def _minutes(plan: Plan, inputs: Inputs) -> str:
    minutes = sum(duration_s(plan, inputs).values()) / 60
    return f"{minutes / 60:.1f} hours" if minutes > 90 else f"{minutes:.0f} minutes"
