"""``python -m training jobs``: the table of jobs, alive as long as one runs.

Follow jobs until they are over: lost lines are tried again, and Ctrl-C stops nothing without asking.
"""

import argparse
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from rich.console import Console, RenderableType
from rich.live import Live

from terminal import add_format, open_console
from training.sagemaker_jobs.deployment import Deployment, open_session, read_deployment, read_environment
from training.sagemaker_jobs.errors import ConnectionLostError, LaunchError, say
from training.sagemaker_jobs.jobs import Job, list_jobs, notes_on, state_of
from training.sagemaker_jobs.mlflow_runs import settle
from training.sagemaker_jobs.plan import Plan
from training.sagemaker_jobs.plan_store import find_record
from training.sagemaker_jobs.prices import Prices, read_prices
from training.sagemaker_jobs.stop import stop_all
from training.sagemaker_jobs.table import View, cost_of, render, table_of

PAUSE_S = 15
"""AWS's metrics come about once a minute; asking more often shows nothing more."""
_TRIES = 20
"""Five minutes without an answer, and somebody should look at the line."""
INTERRUPTED = 130


@dataclass(frozen=True)
class Follower:
    """Shows jobs until they are over.

    Attributes
    ----------
    look
        Asks AWS for what there is now.
    draw
        Makes it a table.
    stop
        Stops every job that is followed.
    ask
        Asks a yes-or-no question; gives the answer's text.
    sleep
        Waits for some seconds.
    console
        Where the table is drawn, and whether somebody sits before it.
    follow_command
        The command that follows the same jobs again.
    ended
        Is told of the jobs once all are over.
    """

    look: Callable[[], View]
    draw: Callable[[View], RenderableType]
    stop: Callable[[], object]
    ask: Callable[[str], str]
    sleep: Callable[[float], None]
    console: Console
    follow_command: str
    ended: Callable[[View], object]

    def run(self) -> int:
        """Follow; gives the exit code: 0 if all completed, 1 if not, 130 if left before the end."""
        while True:
            view = View([], [])
            try:
                with Live(console=self.console, auto_refresh=False, transient=False) as live:
                    view = self._watch(live)
            except KeyboardInterrupt:
                return self._leave()
            except ConnectionLostError as error:
                self._say(f"{error}\nThe jobs go on. Follow them again: {self.follow_command}")
                return 1
            self.ended(view)
            return 0 if view.jobs and all(job.status == "Completed" for job in view.jobs) else 1

    def _watch(self, live: Live) -> View:
        view, failed, waited = View([], []), 0, False
        while True:
            try:
                view, failed = self.look(), 0
            except ConnectionLostError:
                failed += 1
                if failed == _TRIES:
                    raise
                view = View(view.jobs, ["AWS does not answer: trying again"], view.more)
            live.update(self.draw(view), refresh=True)
            # A job that was created this moment may not be listed yet.
            if not failed and not view.running and not view.more and (view.jobs or waited):
                return view
            self.sleep(PAUSE_S)
            waited = True

    def _leave(self) -> int:
        if self._wants_to_stop():
            self.stop()
            self._say("Asked AWS to stop them; what they cost until then is billed.")
        else:
            self._say(f"The jobs go on. Follow them again: {self.follow_command}")
        return INTERRUPTED

    def _say(self, text: str) -> None:
        self.console.print(text, soft_wrap=True, markup=False, highlight=False)

    def _wants_to_stop(self) -> bool:
        if not self.console.is_terminal:
            return False  # nobody to ask
        try:
            return self.ask("Stop the jobs too? [y/N] ").strip().lower() in {"y", "yes"}
        except (KeyboardInterrupt, EOFError):
            return False


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the ``jobs`` command."""
    parser = subparsers.add_parser("jobs", help="list SageMaker jobs and sweeps, and follow those that run")
    parser.add_argument("--env", default="dev", metavar="NAME", help="environment (%(default)s)")
    parser.add_argument("--sweep", metavar="NAME", help="only this sweep or job")
    parser.add_argument("--once", action="store_true", help="print the table once, as without a terminal")
    add_format(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace, session: Any = None, console: Console | None = None) -> int:
    """Run the ``jobs`` command; gives the exit code."""
    console = console or open_console()
    try:
        environment, prices = read_environment(options.env), read_prices()
        session = session or open_session(environment)
        deployment = read_deployment(environment, session)
        plan = find_record(options.sweep, deployment, session) if options.sweep else None
        name = options.sweep or f"leukolens-{environment.name}-"
        view = look(name, deployment, session, {}, plan)
        if options.sweep and not view.jobs and plan is None:
            say(f"jobs: --sweep {name}: no such sweep or job; without --sweep, all are listed")
            return 2
        if options.format != "table":
            costs = [cost_of(job, deployment.region, prices, plan) for job in view.jobs]
            table_of(view.jobs, costs).write(console, options.format)
            return 0
        if options.once or not console.is_terminal or not (view.running or view.more):
            console.print(render(view, deployment, prices, plan))
            settle(view, name, deployment, prices, plan)
            return 0
        # What is half made stays so while somebody looks on; asking for every plan again and again is many calls.
        return watch(name, deployment, prices, session, plan, console, None if plan else view.notes)
    except LaunchError as error:
        say(f"jobs: {error}")
        return 2


def look(
    name: str,
    deployment: Deployment,
    session: Any,
    seen: dict[str, Job],
    plan: Plan | None,
    notes: list[str] | None = None,
) -> View:
    """Ask AWS for jobs, and for what is half made unless that is known."""
    jobs = list_jobs(name, deployment, session, seen)
    if plan:
        state = state_of(plan, jobs, deployment, session)
        return View(jobs, [state.note] if state.note else [], state.more)
    return View(jobs, notes_on(jobs, deployment, session) if notes is None else notes)


def watch(
    name: str,
    deployment: Deployment,
    prices: Prices,
    session: Any,
    plan: Plan | None = None,
    console: Console | None = None,
    notes: list[str] | None = None,
) -> int:
    """Follow a job, or the jobs of a plan or an environment; gives the exit code."""
    seen: dict[str, Job] = {}
    return Follower(
        look=partial(look, name, deployment, session, seen, plan, notes),
        draw=lambda view: render(view, deployment, prices, plan),
        stop=lambda: stop_all(name, deployment, session),
        ask=input,
        sleep=time.sleep,
        console=console or open_console(),
        follow_command=f"python -m training jobs --env {deployment.environment}"
        + ("" if name.endswith("-") else f" --sweep {name}"),
        ended=lambda view: settle(view, name, deployment, prices, plan),
    ).run()
