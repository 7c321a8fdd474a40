"""``--executor`` chooses where; the help of either side tells of the other."""

import argparse
import importlib
import json

import pytest

from training.cli import COMMANDS, NOT_ON_SAGEMAKER, SAGEMAKER_COMMANDS, SAGEMAKER_MODULE, main
from training.models import recipes
from training.models.recipes import SETTINGS
from training.models.space import BACKBONE, TRIED, combinations, space_of, typed_space
from training.sagemaker_jobs.command import add_epilogs, duration
from training.sagemaker_jobs.hyperparameters import recipe_of


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


@pytest.mark.parametrize("name", sorted(set(COMMANDS) - set(SAGEMAKER_COMMANDS)))
def test_other_commands_run_on_this_machine_alone(name, capsys):
    assert main([name, "--executor", "sagemaker"]) == 2
    assert f"{name}: it runs on this machine alone" in capsys.readouterr().err


def _parsers():
    for name in SAGEMAKER_COMMANDS:
        found = []
        for module in (COMMANDS[name], SAGEMAKER_MODULE):
            subparsers = argparse.ArgumentParser().add_subparsers()
            importlib.import_module(f"training.{module}").add_parser(subparsers)
            found.append(
                {
                    option: action
                    for action in subparsers.choices[name]._actions
                    for option in action.option_strings
                    if option.startswith("--") and option != "--help"
                }
            )
        yield name, *found


def test_an_option_means_the_same_in_a_job_or_is_refused_by_name_and_reason(capsys):
    refused = set()
    for name, here, there in _parsers():
        for option in sorted(here.keys() - there.keys()):
            value = [] if here[option].nargs == 0 else ["1"]
            with pytest.raises(SystemExit) as stopped:
                main([name, "--executor", "sagemaker", option, *value])
            assert stopped.value.code == 2
            (line,) = capsys.readouterr().err.splitlines()
            assert f"{option}: {NOT_ON_SAGEMAKER[option]}; leave it out" in line
            refused.add(option)
        for option in sorted(there.keys() - here.keys()):
            given = option if there[option].nargs == 0 else f"{option}=1"
            with pytest.raises(SystemExit) as stopped:
                main([name, "--data", "smears", given])
            assert stopped.value.code == 2
            assert f"{name}: {option}: it is for jobs" in capsys.readouterr().err
        for option in sorted(here.keys() & there.keys() - {"--data", "--output", "--name"}):  # places, here and there
            if not (name == "train" and option.removeprefix("--") in (BACKBONE, *SETTINGS)):  # below
                assert (here[option].default or []) == (there[option].default or []), option
            assert (here[option].nargs == 0) == (there[option].nargs == 0), option
    assert refused == set(NOT_ON_SAGEMAKER)


@pytest.mark.parametrize(
    "given",
    [
        (),
        ("--frozen",),
        ("--frozen", "--backbone", "vgg16", "--epochs", "3", "--seed", "7"),
        ("--frozen", "--c", "0.5"),
        ("--optimizer", "sgd", "--learning-rate", "1e-3"),
    ],
)
def test_a_training_has_the_same_recipe_in_both_places(given, command):
    subparsers = argparse.ArgumentParser().add_subparsers()
    importlib.import_module("training.train").add_parser(subparsers)
    options = subparsers.choices["train"].parse_args(given)
    told = command("train", "--executor", "sagemaker", *given, "--dry-run")
    (job,) = json.loads(told.out)["jobs"]
    assert _of(job) == (options.backbone, recipes.recipe_of(options))


def _of(job):
    known = {*TRIED, "frozen"}
    return recipe_of({name: value for name, value in job["HyperParameters"].items() if name in known})


@pytest.mark.parametrize(
    ("given", "trials"),
    [
        ((), 9),
        (("--frozen",), 9),
        (("--frozen", "--optimizer", "adam", "--optimizer", "sgd"), 6),
        (("--optimizer", "adam", "--optimizer", "sgd"), 6),
        (("--batch-size", "16"), 3),
        (("--learning-rate", "1e-3", "--learning-rate", "1e-4"), 2),
        (("--frozen", "--c", "0.1", "--c", "1"), 2),
        (("--frozen", "--backbone", "vgg16", "--epochs", "2", "--epochs", "3", "--optimizer", "sgd"), 2),
    ],
)
def test_a_grid_has_the_same_trials_in_both_places(given, trials, command):
    subparsers = argparse.ArgumentParser().add_subparsers()
    importlib.import_module("training.sweep").add_parser(subparsers)
    options = subparsers.choices["sweep"].parse_args(["--data", "smears", *given])
    space = space_of(typed_space(options), frozen=options.frozen, grid=True)
    here = []
    for one in combinations(space):
        backbone = one.pop(BACKBONE)
        here.append((backbone, recipes.read_recipe(backbone, frozen=options.frozen, given=one)))
    told = command("sweep", "--executor", "sagemaker", "--max-cost", "999", *given, "--dry-run")
    assert told.code == 0, told.err
    assert [_of(job) for job in json.loads(told.out)["jobs"]] == here
    assert len(here) == trials


def test_times():
    assert [duration(text) for text in ("90s", "45m", "2h")] == [90, 2700, 7200]
    with pytest.raises(argparse.ArgumentTypeError, match="'an hour': write a time as 90s, 45m or 2h"):
        duration("an hour")
