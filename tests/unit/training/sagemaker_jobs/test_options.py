"""``--executor`` chooses where; the help of either side tells of the other."""

import argparse

import pytest

from training.cli import main
from training.sagemaker_jobs.command import add_epilogs, duration


def test_the_help_on_this_machine_names_the_options_of_sagemaker():
    subparsers = argparse.ArgumentParser().add_subparsers()
    train = subparsers.add_parser("train")
    add_epilogs(subparsers)
    told = " ".join(train.format_help().split())
    assert "On SageMaker (--executor sagemaker):" in told
    assert "--spot" in told
    assert "--max-cost" in told


def test_an_executor_that_there_is_not(capsys):
    with pytest.raises(SystemExit) as stopped:
        main(["train", "--executor", "elsewhere"])
    assert stopped.value.code == 2
    assert "'local', 'sagemaker'" in capsys.readouterr().err


def test_other_commands_have_no_executor(capsys):
    with pytest.raises(SystemExit):
        main(["pull", "--executor", "sagemaker"])
    assert "choose from" in capsys.readouterr().err


def test_times():
    assert [duration(text) for text in ("90s", "45m", "2h")] == [90, 2700, 7200]
    with pytest.raises(argparse.ArgumentTypeError, match="'an hour': write a time as 90s, 45m or 2h"):
        duration("an hour")
