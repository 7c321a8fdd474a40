"""From options to a plan; whatever can be refused without asking AWS is refused here."""

import argparse
import re
from datetime import datetime
from typing import Any, Literal

from infra.config import Environment
from training.data.groups import compile_pattern
from training.data.labels import DataError
from training.data.s3 import BUCKET_NAME
from training.models.recipes import (
    DEFAULT_BACKBONE,
    RecipeError,
    method_of,
    settings_of,
)
from training.models.space import Space, SpaceError, Span, read_space, space_of, typed_space, value_of
from training.sagemaker_jobs.base_model import base_uri
from training.sagemaker_jobs.deployment import Deployment
from training.sagemaker_jobs.errors import LaunchError
from training.sagemaker_jobs.hyperparameters import COMMAND, recipe_of
from training.sagemaker_jobs.plan import LAPTOPS_NAMES, OWN_TAGS, STRATEGIES, Plan, Range
from training.sagemaker_jobs.plan_checks import MAX_S, check_capacity, check_instance, check_own_names
from training.sagemaker_jobs.prices import Prices

# Of SageMaker: a tuner's name, which begins the names of its jobs, and a job's without the time at its end.
_MAX_CHARACTERS = {"sweep": 32, "train": 48, "adapt": 48}


def plan_of(
    options: argparse.Namespace, environment: Environment, deployment: Deployment, prices: Prices, now: datetime
) -> Plan:
    """Make the plan that options ask for.

    Raises
    ------
    LaunchError
        An option is not allowed, or two do not go together; names them.
    """
    if options.kind == "sweep":
        options.strategy = LAPTOPS_NAMES.get(options.strategy, options.strategy)
    instance_type = options.instance_type or environment.training.instance_type
    check_instance(instance_type, environment, prices)
    check_capacity(options)
    is_adapt = options.kind == "adapt"
    fixed, choices, ranges = (_adapt_hyperparameters(options), {}, {}) if is_adapt else _hyperparameters(options)
    name = _name(options, environment.name, now)
    check_own_names(options, deployment)
    output = _output(options, deployment)
    return Plan(
        name=name,
        environment=environment.name,
        kind=options.kind,
        data=_data(options.data, deployment),
        fixed=fixed,
        base=base_uri(options.base, deployment, needs_statistics=options.add_to_base) if is_adapt else None,
        choices=choices,
        ranges=ranges,
        instance_type=instance_type,
        instance_count=options.instance_count,
        volume_gb=options.volume_gb,
        spot=options.spot,
        max_runtime_s=options.max_runtime,
        max_wait_s=(options.max_wait or min(2 * options.max_runtime, MAX_S)) if options.spot else None,
        keep_alive_s=options.keep_alive,
        input_mode=options.input_mode,
        tags=dict(_tag(text) for text in options.tag),
        checkpoints=f"{output or deployment.output}/{name}/checkpoints",
        hourly_price_usd=options.hourly_price,
        role=options.role,
        image=options.image,
        output=output,
        **(_search(options, choices, ranges) if options.kind == "sweep" else {}),
    )


def _adapt_hyperparameters(options: argparse.Namespace) -> dict[str, str]:
    """Give the hyperparameters of a job of ``adapt``: its own options, by their names."""
    hyperparameters = {COMMAND: "adapt"}
    if options.add_to_base:
        hyperparameters["add-to-base"] = "true"
    if options.group_pattern is not None:
        try:
            compile_pattern(options.group_pattern)
        except DataError as error:
            raise LaunchError(str(error)) from None
        hyperparameters["group-pattern"] = options.group_pattern
    return hyperparameters


def _hyperparameters(
    options: argparse.Namespace,
) -> tuple[dict[str, str], dict[str, tuple[str, ...]], dict[str, Range]]:
    """Give what every job has, the values to try and the ranges to search: what a laptop's sweep tries, too."""
    fixed: dict[str, str] = {"frozen": "true"} if options.frozen else {}
    choices, ranges = dict[str, tuple[str, ...]](), dict[str, Range]()
    try:
        for name, values in _space(options).items():
            if isinstance(values, Span):
                kind: Literal["integer", "continuous"] = "integer" if values.whole else "continuous"
                ranges[name] = Range(low=values.low, high=values.high, kind=kind, log=values.log)
            elif len(values) > 1:
                choices[name] = tuple(dict.fromkeys(value_of(name, value) for value in values))
            else:
                fixed[name] = value_of(name, values[0])
    except (SpaceError, RecipeError) as error:
        raise LaunchError(str(error)) from None
    return fixed, choices, ranges


def _space(options: argparse.Namespace) -> Space:
    option_space = typed_space(options)
    if options.kind == "sweep":
        file_space = read_space(options.space) if options.space else {}
        return space_of({**file_space, **option_space}, frozen=options.frozen, grid=options.strategy == "grid")
    for name, values in option_space.items():
        if isinstance(values, Span) or len(values) > 1:
            texts = " ".join(getattr(options, name.replace("-", "_")))
            raise LaunchError(f"--{name} {texts}: train takes one value; for several, use sweep")
    settings = {name: values[0] for name, values in option_space.items() if not isinstance(values, Span)}
    recipe_of({**settings, "frozen": str(options.frozen).lower()})
    return option_space


def _search(
    options: argparse.Namespace, choices: dict[str, tuple[str, ...]], ranges: dict[str, Range]
) -> dict[str, Any]:
    if options.strategy not in STRATEGIES:
        raise LaunchError(f"--strategy {options.strategy}: unknown; allowed: {', '.join(STRATEGIES)}")
    if options.max_parallel_jobs < 1:
        raise LaunchError(f"--max-parallel-jobs {options.max_parallel_jobs}: allowed: 1 or more")
    if not choices and not ranges:
        raise LaunchError("nothing to try; give an option several times, as in --optimizer adam --optimizer sgd")
    if options.strategy == "grid":
        if options.max_jobs is not None:
            raise LaunchError("--max-jobs: a grid tries every combination; leave it out, or give another --strategy")
    elif not options.max_jobs or options.max_jobs < 1:
        raise LaunchError(f"--max-jobs: {options.strategy} needs to know how many jobs to try; allowed: 1 or more")
    if options.strategy == "hyperband":
        _check_hyperband(options)
    return {
        "strategy": options.strategy,
        "max_jobs": options.max_jobs,
        "max_parallel_jobs": options.max_parallel_jobs,
    }


def _check_hyperband(options: argparse.Namespace) -> None:
    methods = [method_of(name, frozen=options.frozen) for name in options.backbone or [DEFAULT_BACKBONE]]
    if without_epochs := [method.title for method in methods if "epochs" not in settings_of(method)]:
        raise LaunchError(f"--strategy hyperband: it stops jobs by their epochs, and {without_epochs[0]} has none")
    if not options.epochs:
        raise LaunchError("--epochs: hyperband stops jobs by their epochs; say how many the best jobs get")


def _data(text: str, deployment: Deployment) -> str:
    """Give the prefix of the fields, without a slash at its end."""
    match = re.fullmatch(rf"(?:s3://({BUCKET_NAME})(?:/(.+))?|([^/:.][^:]*))", text.rstrip("/"))
    if match is None:
        raise LaunchError(f"--data {text}: allowed: s3://BUCKET/PREFIX, or a PREFIX of the environment's data bucket")
    bucket, prefix, relative = match.groups()
    return "/".join(filter(None, ("s3:/", bucket or deployment.data_bucket, prefix or relative)))


def _output(options: argparse.Namespace, deployment: Deployment) -> str | None:
    """Give the prefix in S3 of what jobs write, where it is not the environment's."""
    if options.bucket is None and options.output is None:
        return None
    match = re.fullmatch(
        rf"(?:s3://({BUCKET_NAME})(?:/([^:]+))?|([^/:.][^:]*))", (options.output or "training").rstrip("/")
    )
    if match is None:
        raise LaunchError(f"--output {options.output}: allowed: s3://BUCKET/PREFIX, or a PREFIX of the models bucket")
    bucket, prefix, relative = match.groups()
    if bucket and options.bucket and bucket != options.bucket:
        raise LaunchError(f"--bucket {options.bucket}: --output names {bucket}; leave one of them out")
    return "/".join(filter(None, ("s3:/", bucket or options.bucket or deployment.models_bucket, prefix or relative)))


def _name(options: argparse.Namespace, environment: str, now: datetime) -> str:
    prefix, max_length = f"leukolens-{environment}-", _MAX_CHARACTERS[options.kind]
    word = options.name or now.strftime("%y%m%d-%H%M%S")
    if not re.fullmatch(r"[a-z0-9](-?[a-z0-9])*", word) or len(prefix + word) > max_length:
        raise LaunchError(
            f"--name {word}: allowed: lower-case letters, digits and single hyphens, {max_length - len(prefix)} at most"
        )
    return prefix + word


def _tag(text: str) -> tuple[str, str]:
    key, equals, value = text.partition("=")
    if not key or not equals or len(key) > 128 or len(value) > 256 or key.startswith("aws:"):
        raise LaunchError(f"--tag {text}: write it as KEY=VALUE, the key up to 128 characters and not of aws:")
    if key in OWN_TAGS:
        raise LaunchError(f"--tag {text}: {key} is the launcher's own; allowed: any but {', '.join(OWN_TAGS)}")
    return key, value
