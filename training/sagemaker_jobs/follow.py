"""Follow jobs until they are over: lost lines are tried again, and Ctrl-C stops nothing without asking."""

from collections.abc import Callable
from dataclasses import dataclass

from rich.console import Console, RenderableType
from rich.live import Live

from training.sagemaker_jobs.errors import ConnectionLostError
from training.sagemaker_jobs.table import View

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
    again
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
    again: str
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
                self._say(f"{error}\nThe jobs go on. Follow them again: {self.again}")
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
            self._say(f"The jobs go on. Follow them again: {self.again}")
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
