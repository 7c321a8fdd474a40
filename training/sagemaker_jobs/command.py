"""``train``, ``sweep`` and ``adapt`` with ``--executor sagemaker``: their options, and from these to jobs followed."""

import argparse
import json
import logging
import re
import sys
import textwrap
from collections.abc import Callable
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

from infra.config import Environment
from training.data.groups import add_group_pattern
from training.models.space import add_tried
from training.sagemaker_jobs.base_model import upload_base
from training.sagemaker_jobs.deployment import (
    Deployment,
    assumed_deployment,
    open_session,
    read_deployment,
    read_environment,
)
from training.sagemaker_jobs.dry_run import dry_run
from training.sagemaker_jobs.errors import LaunchError, say
from training.sagemaker_jobs.launcher import resume, start
from training.sagemaker_jobs.plan import MANIFEST_TAG, Plan
from training.sagemaker_jobs.plan_options import plan_of
from training.sagemaker_jobs.preflight import check
from training.sagemaker_jobs.prices import Estimate, Prices, estimate, guard, read_prices
from training.sagemaker_jobs.watch import watch
from training.serving.files import SHIPPED

_UNITS = {"s": 1, "m": 60, "h": 3600}


def add_commands(
    subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]", run: Callable[[argparse.Namespace], int]
) -> None:
    """Add ``train``, ``sweep`` and ``adapt`` as they are on SageMaker."""
    train = subparsers.add_parser("train", help="train one model on SageMaker (--executor sagemaker)")
    sweep = subparsers.add_parser("sweep", help="try many hyperparameters on SageMaker (--executor sagemaker)")
    adapt = subparsers.add_parser("adapt", help="make a model of own classes on SageMaker (--executor sagemaker)")
    for parser, kind in ((train, "train"), (sweep, "sweep"), (adapt, "adapt")):
        trained_group = parser.add_argument_group("what is trained")
        _add_data(trained_group)
        if kind == "adapt":
            _add_base(trained_group)
        else:
            _add_recipe(trained_group, kind)
        _add_where(parser)
        _add_limits(parser, kind)
        parser.set_defaults(run=run, kind=kind)
    _add_search(sweep)


def other_options(options: argparse.Namespace, allowed: set[str]) -> list[str]:
    """List what was given, as one writes it, beside the options that are kept."""
    parser = argparse.ArgumentParser()
    add_commands(parser.add_subparsers(), lambda _: 0)
    defaults = vars(parser.parse_args([options.kind]))
    names = (name for name, value in vars(options).items() if name in defaults and value != defaults[name])
    return [f"--{name.replace('_', '-')}" for name in names if name not in allowed | {"run"}]


def add_epilogs(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Name the options of SageMaker below the help of the commands that run there, as they are on this machine."""
    sagemaker_subparsers = argparse.ArgumentParser(prog="python -m training").add_subparsers()
    add_commands(sagemaker_subparsers, lambda _: 0)
    for name, parser in sagemaker_subparsers.choices.items():
        if name in subparsers.choices:
            usage = " ".join(parser.format_usage().removeprefix("usage:").split())
            usage = f"On SageMaker (--executor sagemaker): {usage}"
            # As it stands: argparse itself would break the names of options at their hyphens.
            subparsers.choices[name].formatter_class = argparse.RawDescriptionHelpFormatter
            subparsers.choices[name].epilog = textwrap.fill(usage, 100, break_on_hyphens=False)


def _add_data(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "--data",
        default="smears",
        metavar="PREFIX",
        help="fields in S3 with their manifest: s3://BUCKET/PREFIX, or PREFIX in the data bucket (%(default)s)",
    )


def _add_base(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "--base",
        type=Path,
        default=SHIPPED,
        metavar="FOLDER",
        help="model folder of this machine whose network is used (%(default)s)",
    )
    group.add_argument("--add-to-base", action="store_true", help="keep the base's classes beside the new ones")
    add_group_pattern(group)


def _add_recipe(group: argparse._ArgumentGroup, kind: str) -> None:
    add_tried(group, several=kind == "sweep")
    group.add_argument(
        "--frozen", action="store_true", help="train only the head; the backbone keeps ImageNet's weights"
    )


def _add_where(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("where it runs")
    group.add_argument("--env", default="dev", metavar="NAME", help="environment, environments/NAME.toml (%(default)s)")
    group.add_argument(
        "--name", metavar="WORD", help="what the job or sweep is called after leukolens-NAME- (its time)"
    )
    group.add_argument("--resume", metavar="NAME", help="go on with this job or sweep, from its own checkpoints")
    group.add_argument("--instance-type", metavar="TYPE", help="such as ml.g5.xlarge (the environment's)")
    group.add_argument("--instance-count", type=int, default=1, metavar="N", help="of each job (%(default)s)")
    group.add_argument("--volume-gb", type=int, default=30, metavar="GB", help="disk of each instance (%(default)s)")
    group.add_argument("--spot", action="store_true", help="spare capacity: cheaper, interrupted, gone on with")
    group.add_argument("--keep-alive", type=duration, default=0, metavar="TIME", help="warm pool, such as 10m (train)")
    group.add_argument("--input-mode", choices=("FastFile", "File"), default="FastFile", help="(%(default)s)")
    group.add_argument("--role", metavar="ARN", help="of the job (the environment's)")
    group.add_argument("--image", metavar="URI", help="of ECR, with this project in it (the environment's)")
    group.add_argument("--bucket", metavar="NAME", help="of models and checkpoints (the environment's models bucket)")
    group.add_argument(
        "--output", metavar="PREFIX", help="of models and checkpoints: s3://BUCKET/PREFIX, or PREFIX there (training)"
    )
    group.add_argument("--tag", action="append", default=[], metavar="KEY=VALUE", help="on every job")


def _add_limits(parser: argparse.ArgumentParser, kind: str) -> None:
    group = parser.add_argument_group("limits")
    group.add_argument("--max-runtime", type=duration, default=3600, metavar="TIME", help="of one job (1h)")
    group.add_argument(
        "--max-wait", type=duration, metavar="TIME", help="of one spot job, waits included (twice --max-runtime)"
    )
    group.add_argument(
        "--max-cost", type=dollars, metavar="USD", help="of all of it (the environment's monthly budget)"
    )
    group.add_argument("--hourly-price", type=dollars, metavar="USD", help="of an instance that prices.toml lacks")
    group.add_argument("--dry-run", action="store_true", help="print the requests and the cost; calls nobody")
    group.add_argument("--detach", action="store_true", help=f"start the {kind} and leave, without following it")


def _add_search(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("how values are tried")
    group.add_argument(
        "--strategy", "--search", default="grid", help="grid, bayesian (or tpe), random or hyperband (%(default)s)"
    )
    group.add_argument("--space", type=Path, metavar="FILE", help="TOML file of values and ranges, as for a laptop's")
    group.add_argument(
        "--max-jobs", "--trials", type=int, metavar="N", help="of a search; a grid tries every combination"
    )
    group.add_argument("--max-parallel-jobs", type=int, default=3, metavar="N", help="at a time (%(default)s)")


def dollars(text: str) -> float:
    """Read an amount above 0.

    Raises
    ------
    argparse.ArgumentTypeError
        It is none.
    """
    if not re.fullmatch(r"\d*\.?\d+", text) or not float(text):
        raise argparse.ArgumentTypeError(f"{text!r}: write an amount above 0 in US dollars, such as 2.50")
    return float(text)


def duration(text: str) -> int:
    """Read ``90s``, ``45m`` or ``2h``; gives seconds.

    Raises
    ------
    argparse.ArgumentTypeError
        It is none.
    """
    match = re.fullmatch(r"(\d+)([smh])", text)
    if match is None:
        raise argparse.ArgumentTypeError(f"{text!r}: write a time as 90s, 45m or 2h")
    return int(match[1]) * _UNITS[match[2]]


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add ``train``, ``sweep`` and ``adapt`` as they are on SageMaker."""
    add_commands(subparsers, run)


def run(options: argparse.Namespace, session: Any = None) -> int:
    """Run the command; gives the exit code.

    Parameters
    ----------
    options
        Of ``training.sagemaker_jobs.command``.
    session
        boto3's, for the environment's region; made from the credentials at hand, if left out.
    """
    # What is asked for is told here; the SDK would tell again, at length, how it goes about it.
    logging.getLogger("sagemaker").setLevel(logging.WARNING)
    try:
        return _run(options, session)
    except LaunchError as error:
        say(f"{options.kind}: {error}")
        return 2


def _run(options: argparse.Namespace, session: Any) -> int:
    environment, prices, now = read_environment(options.env), read_prices(), datetime.now()
    if options.dry_run:
        return _print_dry_run(options, environment, prices, now)
    # Whatever can be refused without asking AWS is refused before.
    if not options.resume:
        _make_plan(options, environment, assumed_deployment(environment), prices, now)
    elif refused_options := other_options(options, {"resume", "env", "max_cost", "detach"}):
        raise LaunchError(
            f"--resume: it goes on with the options it was started with; leave out {', '.join(refused_options)}"
        )
    session = session or open_session(environment)
    deployment = read_deployment(environment, session)
    if options.resume:
        check_cost = partial(_check_cost, options, environment, prices)
        plan = resume(options.resume, options.kind, deployment, session, say, now, check_cost)
    else:
        plan = _check_and_start(options, environment, deployment, prices, session, now)
    if options.detach:
        return 0
    return watch(plan.name, deployment, prices, session, plan)


def _check_and_start(
    options: argparse.Namespace,
    environment: Environment,
    deployment: Deployment,
    prices: Prices,
    session: Any,
    now: datetime,
) -> Plan:
    plan, cost = _make_plan(options, environment, deployment, prices, now)
    manifest = check(plan, deployment, session)
    if plan.base:
        upload_base(options.base, plan.base, deployment, session)
    plan = plan.model_copy(update={"tags": {MANIFEST_TAG: manifest.digest, **plan.tags}})
    say(f"{plan.name}: {cost}\n{len(manifest.records)} fields in {plan.data}")
    plan = start(plan, deployment, session, say)
    say(f"started; follow it: python -m training jobs --env {environment.name} --sweep {plan.name}")
    return plan


def _print_dry_run(options: argparse.Namespace, environment: Environment, prices: Prices, now: datetime) -> int:
    if options.resume:
        raise LaunchError("--dry-run: what is missing of a sweep is known to AWS only; leave out --resume or --dry-run")
    deployment = assumed_deployment(environment)
    plan, cost = _make_plan(options, environment, deployment, prices, now)
    sys.stdout.write(json.dumps(dry_run(plan, deployment, cost), indent=2) + "\n")
    say(f"{plan.name}: {cost}\nNothing was sent: account and buckets stand for those that the stacks make.")
    return 0


def _make_plan(
    options: argparse.Namespace, environment: Environment, deployment: Deployment, prices: Prices, now: datetime
) -> tuple[Plan, Estimate]:
    plan = plan_of(options, environment, deployment, prices, now)
    return plan, _check_cost(options, environment, prices, plan)


def _check_cost(
    options: argparse.Namespace, environment: Environment, prices: Prices, plan: Plan, jobs: int | None = None
) -> Estimate:
    """Give what a plan, or so many jobs of it, may cost; refuse what is too dear."""
    cost = estimate(plan, environment.region, prices, jobs)
    if options.max_cost is not None:
        guard(cost, options.max_cost, "--max-cost")
    else:
        guard(cost, environment.training.monthly_budget_usd, f"the monthly budget of {environment.name}")
    return cost
