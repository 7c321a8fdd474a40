"""From options to a plan; whatever can be refused without asking AWS is refused here."""

import argparse
import re
from datetime import datetime
from typing import Any

import botocore.session

from infra.config import Environment
from training.launch.errors import LaunchError
from training.launch.hyperparameters import HYPERPARAMETERS, range_of, value_of
from training.launch.place import Place
from training.launch.plan import STRATEGIES, Plan, Range
from training.launch.prices import Prices

# Of SageMaker: a tuner's name, which begins the names of its jobs, and a job's without the time at its end.
_MOST_CHARACTERS = {"sweep": 32, "train": 48}
_MOST_KEPT_ALIVE_S = 3600
"""Of a warm pool, unless the account's quota is raised."""


def plan_of(options: argparse.Namespace, environment: Environment, place: Place, prices: Prices, now: datetime) -> Plan:
    """Make the plan that options ask for.

    Raises
    ------
    LaunchError
        An option is not allowed, or two do not go together; names them.
    """
    instance_type = options.instance_type or environment.training.instance_type
    _check_instance(instance_type, environment, prices)
    _check_capacity(options)
    fixed, choices, ranges = _hyperparameters(options)
    name = _name(options, environment.name, now)
    return Plan(
        name=name,
        environment=environment.name,
        kind=options.kind,
        data=options.data
        if options.data.startswith("s3://")
        else f"s3://{place.data_bucket}/{options.data.strip('/')}",
        fixed=fixed,
        choices=choices,
        ranges=ranges,
        instance_type=instance_type,
        instance_count=options.instance_count,
        volume_gb=options.volume_gb,
        spot=options.spot,
        max_runtime_s=options.max_runtime,
        max_wait_s=(options.max_wait or 2 * options.max_runtime) if options.spot else None,
        keep_alive_s=options.keep_alive,
        input_mode=options.input_mode,
        tags=dict(_tag(text) for text in options.tag),
        checkpoints=f"{place.output}/{name}/checkpoints",
        hourly_price_usd=options.hourly_price,
        **(_search(options, choices, ranges) if options.kind == "sweep" else {}),
    )


def _hyperparameters(
    options: argparse.Namespace,
) -> tuple[dict[str, str], dict[str, tuple[str, ...]], dict[str, Range]]:
    fixed: dict[str, str] = {"frozen": "true"} if options.frozen else {}
    choices, ranges = dict[str, tuple[str, ...]](), dict[str, Range]()
    for name in HYPERPARAMETERS:
        given: list[str] = getattr(options, name.replace("-", "_"))
        if options.kind == "train" and (len(given) > 1 or any(":" in text for text in given)):
            raise LaunchError(f"--{name} {' '.join(given)}: train takes one value; for several, use sweep")
        if any(":" in text for text in given):
            if len(given) > 1:
                raise LaunchError(f"--{name} {' '.join(given)}: give one range, or values, not both")
            ranges[name] = range_of(name, given[0])
        elif len(given) > 1:
            choices[name] = tuple(dict.fromkeys(value_of(name, text) for text in given))
        elif given:
            fixed[name] = value_of(name, given[0])
    return fixed, choices, ranges


def _search(
    options: argparse.Namespace, choices: dict[str, tuple[str, ...]], ranges: dict[str, Range]
) -> dict[str, Any]:
    if options.strategy not in STRATEGIES:
        raise LaunchError(f"--strategy {options.strategy}: unknown; allowed: {', '.join(STRATEGIES)}")
    if options.max_parallel_jobs < 1:
        raise LaunchError(f"--max-parallel-jobs {options.max_parallel_jobs}: allowed: 1 or more")
    if not choices and not ranges:
        raise LaunchError("sweep: nothing to try; give an option several times, as in --optimizer adam --optimizer sgd")
    if options.strategy == "grid":
        if ranges:
            first = next(iter(ranges))
            raise LaunchError(f"--{first}: a grid takes values, not a range; give values, or --strategy bayesian")
        if options.max_jobs is not None:
            raise LaunchError("--max-jobs: a grid tries every combination; leave it out, or give another --strategy")
    elif not options.max_jobs or options.max_jobs < 1:
        raise LaunchError(f"--max-jobs: {options.strategy} needs to know how many jobs to try; allowed: 1 or more")
    if options.strategy == "hyperband" and not options.epochs:
        raise LaunchError("--epochs: hyperband stops jobs by their epochs; say how many the best jobs get")
    return {
        "strategy": options.strategy,
        "max_jobs": options.max_jobs,
        "max_parallel_jobs": options.max_parallel_jobs,
    }


def _check_instance(instance_type: str, environment: Environment, prices: Prices) -> None:
    known = botocore.session.get_session().get_service_model("sagemaker").shape_for("TrainingInstanceType")
    if instance_type not in getattr(known, "enum", ()):
        raise LaunchError(
            f"--instance-type {instance_type}: SageMaker trains on no such instance; priced here: "
            f"{', '.join(sorted(prices.instances))}"
        )
    if environment.training.image == "own" and instance_type.startswith(("ml.g", "ml.p")):
        raise LaunchError(
            f"--instance-type {instance_type}: it has a GPU, which the image of {environment.name} does not use; "
            f'choose an ml.m or ml.c instance, or training.image = "aws" in environments/{environment.name}.toml'
        )


def _check_capacity(options: argparse.Namespace) -> None:
    for name, allowed in (("instance_count", 1), ("volume_gb", 1), ("max_runtime", 60)):
        if getattr(options, name) < allowed:
            unit = " s" if name == "max_runtime" else ""
            raise LaunchError(f"--{name.replace('_', '-')}: allowed: {allowed}{unit} or more")
    if options.max_wait and not options.spot:
        raise LaunchError("--max-wait: only spot jobs wait for capacity; give --spot with it, or leave it out")
    if options.max_wait and options.max_wait < options.max_runtime:
        raise LaunchError("--max-wait: it includes the run itself; allowed: --max-runtime or longer")
    if not options.keep_alive:
        return
    if options.spot:
        raise LaunchError("--keep-alive: spot instances cannot be kept warm; leave out --spot or --keep-alive")
    if options.kind == "sweep":
        raise LaunchError("--keep-alive: a tuner's jobs have no warm pool; it is for train")
    if options.keep_alive > _MOST_KEPT_ALIVE_S:
        raise LaunchError("--keep-alive: allowed: up to 1h")


def _name(options: argparse.Namespace, environment: str, now: datetime) -> str:
    prefix, most = f"leukolens-{environment}-", _MOST_CHARACTERS[options.kind]
    word = options.name or now.strftime("%y%m%d-%H%M%S")
    if not re.fullmatch(r"[a-z0-9](-?[a-z0-9])*", word) or len(prefix + word) > most:
        raise LaunchError(
            f"--name {word}: allowed: lower-case letters, digits and single hyphens, {most - len(prefix)} at most"
        )
    return prefix + word


def _tag(text: str) -> tuple[str, str]:
    key, equals, value = text.partition("=")
    if not key or not equals or len(key) > 128 or len(value) > 256 or key.startswith("aws:"):
        raise LaunchError(f"--tag {text}: write it as KEY=VALUE, the key up to 128 characters and not of aws:")
    return key, value
