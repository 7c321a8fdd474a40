"""``train`` and ``sweep`` with ``--executor sagemaker``, from options to jobs that are followed."""

import argparse
import json
import logging
import sys
from datetime import datetime
from functools import partial
from typing import Any

from infra.config import Environment
from training.sagemaker_jobs.deployment import Place, assumed_place, deployed_place
from training.sagemaker_jobs.dry_run import dry_run
from training.sagemaker_jobs.environment import open_session, read_environment
from training.sagemaker_jobs.errors import LaunchError
from training.sagemaker_jobs.launcher import start
from training.sagemaker_jobs.options import add_commands, others_given
from training.sagemaker_jobs.plan import MANIFEST_TAG, Plan
from training.sagemaker_jobs.plan_options import plan_of
from training.sagemaker_jobs.preflight import check
from training.sagemaker_jobs.prices import Estimate, Prices, estimate, guard, read_prices
from training.sagemaker_jobs.resume import resume
from training.sagemaker_jobs.say import say
from training.sagemaker_jobs.watch import watch


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add ``train`` and ``sweep`` as they are on SageMaker."""
    add_commands(subparsers, run)


def run(options: argparse.Namespace, session: Any = None) -> int:
    """Run the command; gives the exit code.

    Parameters
    ----------
    options
        Of ``training.sagemaker_jobs.options``.
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
        return _tell(options, environment, prices, now)
    # Whatever can be refused without asking AWS is refused before.
    if not options.resume:
        _planned(options, environment, assumed_place(environment), prices, now)
    elif others := others_given(options, {"resume", "env", "max_cost", "detach"}):
        raise LaunchError(f"--resume: it goes on with the options it was started with; leave out {', '.join(others)}")
    session = session or open_session(environment)
    place = deployed_place(environment, session)
    if options.resume:
        afford = partial(_guard, options, environment, prices)
        plan = resume(options.resume, options.kind, place, session, say, now, afford)
    else:
        plan = _new(options, environment, place, prices, session, now)
    if options.detach:
        return 0
    return watch(plan.name, place, prices, session, plan)


def _new(
    options: argparse.Namespace, environment: Environment, place: Place, prices: Prices, session: Any, now: datetime
) -> Plan:
    plan, found = _planned(options, environment, place, prices, now)
    manifest = check(plan, place, session)
    plan = plan.model_copy(update={"tags": {MANIFEST_TAG: manifest.digest, **plan.tags}})
    say(f"{plan.name}: {found}\n{len(manifest.records)} fields in {plan.data}")
    plan = start(plan, place, session, say)
    say(f"started; follow it: python -m training jobs --env {environment.name} --sweep {plan.name}")
    return plan


def _tell(options: argparse.Namespace, environment: Environment, prices: Prices, now: datetime) -> int:
    if options.resume:
        raise LaunchError("--dry-run: what is missing of a sweep is known to AWS only; leave out --resume or --dry-run")
    place = assumed_place(environment)
    plan, found = _planned(options, environment, place, prices, now)
    sys.stdout.write(json.dumps(dry_run(plan, place, found), indent=2) + "\n")
    say(f"{plan.name}: {found}\nNothing was sent: account and buckets stand for those that the stacks make.")
    return 0


def _planned(
    options: argparse.Namespace, environment: Environment, place: Place, prices: Prices, now: datetime
) -> tuple[Plan, Estimate]:
    plan = plan_of(options, environment, place, prices, now)
    return plan, _guard(options, environment, prices, plan)


def _guard(
    options: argparse.Namespace, environment: Environment, prices: Prices, plan: Plan, jobs: int | None = None
) -> Estimate:
    """Give what a plan, or so many jobs of it, may cost; refuse what is too dear."""
    found = estimate(plan, environment.region, prices, jobs)
    if options.max_cost is not None:
        guard(found, options.max_cost, "--max-cost")
    else:
        guard(found, environment.training.monthly_budget_usd, f"the monthly budget of {environment.name}")
    return found
