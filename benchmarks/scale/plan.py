"""Computes one batch: what each of its parts costs, and how long it takes."""

import math
from dataclasses import dataclass

from .inputs import Inputs

VCPU_MB = 1769
"""https://docs.aws.amazon.com/lambda/latest/dg/configuration-memory.html"""
_EXPRESS_MB = 64
_LISTED_AT_ONCE = 1000
_TRANSITIONS = 3
"""Start, map and summary; the children come on top."""


@dataclass(frozen=True)
class Plan:
    """The plan of one batch.

    Attributes
    ----------
    images
        How many.
    per_call
        Images of one call (``batch.items_per_batch``).
    memory_mb
        Of the function (``inference.memory_mb``).
    concurrency
        Calls at once (``batch.max_concurrency``).
    """

    images: int = 1_000_000
    per_call: int = 50
    memory_mb: int = VCPU_MB
    concurrency: int = 200

    @property
    def calls(self) -> int:
        """How often the function is called."""
        return math.ceil(self.images / self.per_call)

    @property
    def vcpus(self) -> float:
        """Virtual CPUs of the function."""
        return self.memory_mb / VCPU_MB


def image_ms(plan: Plan, inputs: Inputs) -> float:
    """Give the time of one image in a call: fetched, then classified on one thread, so that more CPUs help nothing."""
    return inputs.assumed.s3_get_ms + inputs.measured.image_ms / min(1.0, plan.vcpus)


def call_s(plan: Plan, inputs: Inputs) -> float:
    """Give the time of one whole call."""
    return (plan.per_call * image_ms(plan, inputs) + inputs.assumed.s3_put_ms) / 1000


def cost_usd(plan: Plan, inputs: Inputs) -> dict[str, float]:
    """Give what each part of a batch costs, in US dollars."""
    prices, measured = inputs.prices, inputs.measured
    seconds = call_s(plan, inputs)
    gb = plan.memory_mb / 1024
    starts = min(plan.concurrency, plan.calls)
    express_s = plan.calls * math.ceil(seconds * 10) / 10
    return {
        "Lambda, classifying": plan.calls * seconds * gb * prices.lambda_gb_second,
        "Lambda, cold starts": starts * measured.cold_start_s * gb * prices.lambda_gb_second,
        "Lambda, requests": plan.calls * prices.lambda_request,
        "Step Functions, transitions": (plan.calls + _TRANSITIONS) * prices.transition,
        "Step Functions, Express children": plan.calls * prices.express_request
        + express_s * _EXPRESS_MB / 1024 * prices.express_gb_second,
        "S3, reading images": plan.images * prices.s3_get,
        "S3, listing and writing": (plan.calls + math.ceil(plan.images / _LISTED_AT_ONCE)) * prices.s3_put,
        # With a bucket key, S3 asks KMS for a key and not for every object; a call opens two buckets.
        "KMS": 2 * plan.calls * prices.kms_request,
        "CloudWatch Logs": plan.images * measured.log_bytes_per_image / 1e9 * prices.log_gb,
        "Downloading the results": plan.images * measured.line_bytes_per_image / 1e9 * prices.transfer_gb
        + plan.calls * prices.s3_get,
    }


def total_usd(plan: Plan, inputs: Inputs) -> float:
    """Give the whole cost."""
    return sum(cost_usd(plan, inputs).values())


def duration_s(plan: Plan, inputs: Inputs) -> dict[str, float]:
    """Give how long each part takes, one after another: an upper estimate, for parts of them overlap."""
    assumed = inputs.assumed
    at_once = min(plan.concurrency, plan.calls)
    rounds = math.ceil(plan.calls / at_once)
    calling_s = rounds * call_s(plan, inputs)
    # While environments are still being added, half of them are missing on average.
    ramp_s = at_once / assumed.new_environments_per_second / 2
    return {
        "listing": math.ceil(plan.images / _LISTED_AT_ONCE) * assumed.s3_list_ms / 1000,
        "starting": assumed.image_pull_s + inputs.measured.cold_start_s + ramp_s,
        "classifying": max(calling_s, plan.images / assumed.gets_per_second),
    }


def limited_by_s3(plan: Plan, inputs: Inputs) -> bool:
    """Say whether one prefix gives images too slowly for so many calls at once."""
    return plan.concurrency / (image_ms(plan, inputs) / 1000) > inputs.assumed.gets_per_second
