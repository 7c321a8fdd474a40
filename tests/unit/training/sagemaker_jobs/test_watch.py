"""Jobs are listed, followed, read and stopped; a lost line or Ctrl-C loses none of them."""

import io
from dataclasses import replace

import pytest
from botocore.exceptions import EndpointConnectionError
from rich.console import Console

from tests.unit.training.sagemaker_jobs.conftest import GRID
from training.sagemaker_jobs.errors import ConnectionLostError
from training.sagemaker_jobs.jobs import belongs, list_jobs
from training.sagemaker_jobs.plan_store import find_record
from training.sagemaker_jobs.prices import read_prices
from training.sagemaker_jobs.stop import stop_all
from training.sagemaker_jobs.table import View, render
from training.sagemaker_jobs.watch import INTERRUPTED, Follower, look

NAME = "leukolens-dev-nine"


class Terminal:
    """A terminal and a clock: what is drawn is kept, and each pause makes the next thing happen."""

    def __init__(self, account, happens, *, interactive=True, answer="n"):
        self.account, self.happens, self.answer = account, iter(happens), answer
        self.screen = io.StringIO()
        self.console = Console(file=self.screen, force_terminal=interactive, width=160, _environ={})
        self.paused_s, self.asked, self.views, self.ended = 0, [], [], []

    def follow(self):
        known, prices, deployment, session = {}, read_prices(), self.account.deployment, self.account.session
        plan = find_record(NAME, deployment, session)

        def draw(view):
            self.views.append(view)
            return render(view, deployment, prices, plan)

        return Follower(
            look=lambda: look(NAME, deployment, session, known, plan),
            draw=draw,
            stop=lambda: stop_all(NAME, deployment, session),
            ask=self._ask,
            sleep=self._sleep,
            console=self.console,
            follow_command="jobs --sweep " + NAME,
            ended=self.ended.append,
        ).run()

    @property
    def text(self):
        return self.screen.getvalue()

    def _sleep(self, seconds):
        self.paused_s += seconds
        next(self.happens)()

    def _ask(self, question):
        self.asked.append(question)
        return self.answer


def _interrupt():
    raise KeyboardInterrupt


def _finish(account):
    for number, job in enumerate(account.jobs):
        account.tell(job, "Completed", epoch=6, objective=0.9 + number / 1000, minutes=30, billed_s=600)
    account.finish_tuner(NAME, "Completed")


def test_a_sweep_is_followed_to_its_end(nine):
    nine.tell(nine.jobs[0], "InProgress", doing="Training", epoch=3, objective=0.973, minutes=12)
    terminal = Terminal(nine, [lambda: _finish(nine)])
    assert terminal.follow() == 0
    first, last = terminal.views
    assert len(first.running) == 9
    assert first.jobs[0].epoch == 3
    assert not last.running
    assert "0.9080" in terminal.text
    # 600 s are billed of 1,800 run: 9 x 600 s at $0.2898 an hour.
    assert "9 of 9 completed, 0 running, $0.43 so far, 67% saved by spot" in terminal.text
    assert terminal.ended == [last]
    assert terminal.paused_s == 15


def test_the_table_says_how_far_a_job_is_and_what_it_has_cost(nine):
    nine.tell(nine.jobs[0], "InProgress", doing="Training", epoch=3, objective=0.973, minutes=60)
    deployment = nine.deployment
    jobs = list_jobs(NAME, deployment, nine.session, now=nine.now)
    console = Console(file=io.StringIO(), width=160)
    console.print(render(View(jobs[:1], []), deployment, read_prices()))
    line = console.file.getvalue().splitlines()[1]
    assert line.split() == [nine.jobs[0], "InProgress:", "Training", "3/6", "0.9730", "1:00:00", "$0.29"]


def test_a_failed_job_makes_the_exit_code_1(nine):
    def fail_one():
        _finish(nine)
        nine.tell(nine.jobs[4], "Failed", failure="AlgorithmError: exit code 2\nthere is no channel train")
        nine.finish_tuner(NAME, "Completed")

    terminal = Terminal(nine, [fail_one])
    assert terminal.follow() == 1
    told = " ".join(terminal.text.split())
    assert f"{nine.jobs[4]}: AlgorithmError: exit code 2 there is no channel train" in told
    assert "Completed with 8 of 9 jobs completed. Go on:" in told


def test_a_tuner_between_two_jobs_is_followed_on(account, command):
    """The first three are over, and the next three are not there yet."""
    assert command(*GRID, "--detach").code == 0
    account.jobs = account.play_tuner(NAME, jobs=3)
    for job in account.jobs:
        account.tell(job, "Completed")

    def fail():
        account.finish_tuner(NAME, "Failed")
        account.backend.hyper_parameter_tuning_jobs[NAME].failure_reason = "The quota\nis used up"

    terminal = Terminal(account, [lambda: None, fail])
    assert terminal.follow() == 0
    assert [view.more for view in terminal.views] == [True, True, False]
    assert "Failed with 3 of 9 jobs completed (The quota is used up). Go on:" in " ".join(terminal.text.split())


def test_a_tuner_that_fails_before_its_first_job_is_the_end_of_it(account, command):
    assert command(*GRID, "--detach").code == 0
    account.finish_tuner(NAME, "Failed")
    terminal = Terminal(account, [lambda: None])
    assert terminal.follow() == 1
    assert "Failed with 0 of 9 jobs completed" in " ".join(terminal.text.split())


@pytest.mark.parametrize("answer", ["", "n", "what?"])
def test_ctrl_c_asks_and_stops_nothing_unless_told(nine, answer):
    terminal = Terminal(nine, [_interrupt], answer=answer)
    assert terminal.follow() == INTERRUPTED
    assert terminal.asked == ["Stop the jobs too? [y/N] "]
    assert len(_running(nine)) == 9
    assert "The jobs go on. Follow them again: jobs --sweep leukolens-dev-nine" in terminal.text


def test_ctrl_c_twice_stops_nothing(nine):
    terminal = Terminal(nine, [_interrupt])
    terminal._ask = lambda _: _interrupt()
    assert terminal.follow() == INTERRUPTED
    assert len(_running(nine)) == 9


def test_ctrl_c_and_yes_stops_all(nine):
    assert Terminal(nine, [_interrupt], answer="y").follow() == INTERRUPTED
    assert _running(nine) == []
    tuner = nine.sagemaker.describe_hyper_parameter_tuning_job(HyperParameterTuningJobName=NAME)
    assert tuner["HyperParameterTuningJobStatus"] == "Stopped"


def test_without_a_terminal_ctrl_c_asks_nobody_and_stops_nothing(nine):
    terminal = Terminal(nine, [_interrupt], interactive=False, answer="y")
    assert terminal.follow() == INTERRUPTED
    assert terminal.asked == []
    assert len(_running(nine)) == 9


def test_a_lost_connection_is_tried_again(nine):
    def cut(_):
        raise EndpointConnectionError(endpoint_url="https://api.sagemaker")

    def come_back():
        del nine.answers["sagemaker.ListTrainingJobs"]
        _finish(nine)

    terminal = Terminal(nine, [lambda: nine.answers.update({"sagemaker.ListTrainingJobs": cut}), come_back])
    assert terminal.follow() == 0
    assert terminal.views[1].notes == ["AWS does not answer: trying again"]
    assert len(terminal.views[1].jobs) == 9, "what was known stays on the screen"


def test_a_connection_that_stays_lost_says_how_to_follow_again(nine):
    def lost():
        raise ConnectionLostError("AWS did not answer")

    terminal = Terminal(nine, [lambda: None] * 100)
    ended = [].append
    follower = Follower(
        lost, lambda _: "", _interrupt, input, terminal._sleep, terminal.console, "jobs --sweep x", ended
    )
    assert follower.run() == 1
    assert terminal.paused_s == 19 * 15
    assert "The jobs go on. Follow them again: jobs --sweep x" in terminal.text


def test_jobs_lists_all_of_an_environment(nine, command):
    told = command("jobs", "--once")
    assert told.code == 0
    assert all(job in told.out for job in nine.jobs)
    assert command("jobs", "--sweep", "leukolens-dev-none").code == 2


def test_logs_are_those_of_the_job(nine, command):
    logs = nine.session.client("logs")
    group = "/aws/sagemaker/TrainingJobs"
    logs.create_log_group(logGroupName=group)
    for job, line in ((nine.jobs[0], "metric: val_balanced_accuracy=0.973 epoch=3"), (nine.jobs[1], "another's")):
        logs.create_log_stream(logGroupName=group, logStreamName=f"{job}/algo-1-1")
        logs.put_log_events(
            logGroupName=group,
            logStreamName=f"{job}/algo-1-1",
            logEvents=[{"timestamp": int(_today_ms()), "message": line}],
        )
    told = command("logs", nine.jobs[0])
    assert told.code == 0
    assert told.out.endswith("metric: val_balanced_accuracy=0.973 epoch=3\n")
    assert "another's" not in told.out


def test_logs_of_a_job_that_wrote_none_yet(nine, command):
    told = command("logs", nine.jobs[0])
    assert told.code == 1
    assert "no log yet" in told.err


def test_stop_one_job(nine, command):
    assert command("stop", nine.jobs[2]).code == 0
    assert nine.jobs[2] not in _running(nine)
    assert len(_running(nine)) == 8


def test_a_name_that_begins_the_same_is_another_sweep():
    assert belongs("leukolens-dev-nine-003-0a1b2c3d", "leukolens-dev-nine")
    assert belongs("leukolens-dev-nine-003-20261123120000", "leukolens-dev-nine")
    assert belongs("leukolens-dev-nine-20261123120000", "leukolens-dev-nine")
    assert not belongs("leukolens-dev-nineteen-003-0a1b2c3d", "leukolens-dev-nine")
    assert not belongs("leukolens-dev-nine-b-003-0a1b2c3d", "leukolens-dev-nine")
    assert belongs("leukolens-dev-nineteen-003-0a1b2c3d", "leukolens-dev-")


def test_stop_nothing(nine, command):
    told = command("stop", "leukolens-dev-other")
    assert told.code == 1
    assert "nothing runs by that name" in told.err


def test_a_price_that_nobody_knows_is_a_question_mark(nine):
    jobs = list_jobs(NAME, nine.deployment, nine.session, now=nine.now)
    view = View([replace(jobs[0], instance_type="ml.p5.48xlarge")], [])
    console = Console(file=io.StringIO(), width=160)
    console.print(render(view, nine.deployment, read_prices()))
    assert "?" in console.file.getvalue().splitlines()[1]
    assert "without those of unknown price" in console.file.getvalue()


def _running(account):
    return [name for name, job in account.backend.training_jobs.items() if job.training_job_status == "InProgress"]


def _today_ms():
    # CloudWatch, and moto after it, refuses events that are two weeks old.
    import time

    return time.time() * 1000
