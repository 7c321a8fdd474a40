"""Start a plan: written down first, so that whatever fails on the way can be found, resumed or dropped."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from training.sagemaker_jobs.deployment import Place
from training.sagemaker_jobs.errors import ConnectionLostError, LaunchError, explained
from training.sagemaker_jobs.image import upload_code
from training.sagemaker_jobs.parent import make_parent
from training.sagemaker_jobs.plan import Plan
from training.sagemaker_jobs.plan_store import write_record
from training.sagemaker_jobs.say import Say


def start(plan: Plan, place: Place, session: Any, say: Say, after: str | None = None) -> Plan:
    """Start a plan that was checked; gives it as it was written down.

    Parameters
    ----------
    plan, place, session
        What, where, and boto3's session there.
    say
        Is told what is not as asked.
    after
        For a search: an earlier one whose results this one starts from.

    Raises
    ------
    LaunchError
        AWS refused; says how to go on with what is there.
    """
    upload_code(place, session)
    write_record(plan, place, session)
    with _recoverable(plan):
        if plan.kind == "sweep" and plan.parent_run is None:
            plan = _with_parent(plan, place, session, say)
        from training.sagemaker_jobs.requests import trainer, tuner  # it takes seconds

        with explained(f"start {plan.name}", place.policy):
            if plan.kind == "sweep":
                tuner(plan, place, session, after).tune(job_name=plan.name, wait=False)
            else:
                trainer(plan, place, plan.fixed, session, plan.name).train(wait=False, logs=False)
    return plan


def start_one(plan: Plan, place: Place, hyperparameters: dict[str, str], session: Any, name: str) -> None:
    """Start a single job of a sweep, outside its tuner."""
    from training.sagemaker_jobs.requests import trainer  # it takes seconds

    with explained(f"start {name}", place.policy):
        trainer(plan, place, hyperparameters, session, name).train(wait=False, logs=False)


def _with_parent(plan: Plan, place: Place, session: Any, say: Say) -> Plan:
    """Make the parent run; without one, the jobs' runs still carry the sweep's name."""
    try:
        made = plan.model_copy(update={"parent_run": make_parent(plan, place)})
    except LaunchError as error:
        say(f"warning: {error}\nThe jobs' runs will not be filed under one run; they carry the sweep's name as a tag.")
        return plan
    write_record(made, place, session)
    return made


@contextmanager
def _recoverable(plan: Plan) -> Iterator[None]:
    """Say, whatever ends the start early, how to go on."""
    ways = f"Go on: {plan.go_on}\nDrop it: {plan.drop}"
    try:
        yield
    except ConnectionLostError as error:
        raise ConnectionLostError(f"{error}\nIt may have been started or not. {ways}") from error
    except (LaunchError, KeyboardInterrupt) as error:
        raise LaunchError(f"{str(error) or 'interrupted'}\n{plan.name} is only half made. {ways}") from error
