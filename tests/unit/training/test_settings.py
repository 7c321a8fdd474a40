"""Options from a file and by ``--set``: one grammar for every command, and what they cannot say."""

import argparse
import importlib
import shlex
from pathlib import Path

import pytest

from training.cli import COMMANDS, main
from training.data.synthetic import write_dataset
from training.examples import EXAMPLES
from training.settings import SettingsError, as_arguments, read_settings


@pytest.fixture(scope="module")
def smears(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Draw 15 fields a label; read only."""
    folder = tmp_path_factory.mktemp("smears")
    write_dataset(folder, per_class=15, seed=5, size=96, fields_per_slide=3)
    return folder


def parser_of(command: str, module: str | None = None) -> argparse.ArgumentParser:
    subparsers = argparse.ArgumentParser(prog="python -m training").add_subparsers()
    importlib.import_module(f"training.{module or COMMANDS[command]}").add_parser(subparsers)
    parser = subparsers.choices[command]
    assert isinstance(parser, argparse.ArgumentParser)
    return parser


def test_what_is_typed_wins_over_what_is_set_and_that_over_the_file(
    smears: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    config = tmp_path / "run.toml"
    config.write_text(
        f'data = "{smears}"\nbackbone = "vgg16"\nfrozen = true\nepochs = 3\nseed = 4\nbatch-size = 8\n'
        'protocol = ["contiguous", "random"]\n'
    )
    chosen = ["--config", str(config), "--set", "epochs=5", "--set", "seed=6", "--epochs", "7"]
    assert main(["crossvalidate", *chosen, "--protocol", "random", "--dry-run"]) == 0
    rows = dict(line.split(maxsplit=1) for line in capsys.readouterr().out.splitlines())
    assert (rows["epochs"], rows["seed"], rows["batch_size"]) == ("7", "6", "8")
    assert rows["method"] == "mlp_head"
    assert rows["folds"] == ", ".join(f"random-{number}" for number in range(1, 6))
    assert not (tmp_path / "runs" / "folds").exists()


@pytest.mark.parametrize(
    ("command", "key", "near"),
    [
        (
            "crossvalidate",
            "batch_size=3",
            "--set: batch_size: python -m training crossvalidate has no such option; did ",
        ),
        ("sweep", "optimiser=adam", "did you mean optimizer?"),
        ("adapt", "dta=x", "did you mean data?"),
        ("jobs", "zzzz=1", "all options: python -m training jobs --help"),
        ("sweep", "frozen=perhaps", "--set: frozen = perhaps: allowed: true or false"),
        ("sweep", "epochs", "--set epochs: write it as KEY=VALUE"),
    ],
)
def test_an_assignment_that_cannot_be_followed_is_one_line(
    command: str, key: str, near: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([command, "--set", key]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert near in line


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (None, "there is no such file"),
        ("epochs = ", "no TOML file"),
        ("[train]\nepochs = 3", "[train] is a section"),
        ("epochs = [1, 2]", "epochs takes one value"),
        ("epochs = true", "epochs takes a text or a number"),
        ("executor = 'moon'", "executor = moon: allowed: local, sagemaker"),
    ],
)
def test_a_file_that_cannot_be_followed_is_one_line(
    text: str | None, said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = tmp_path / "run.toml"
    if text is not None:
        config.write_text(text)
    assert main(["train", "--config", str(config), "--data", "nowhere"]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert said in line


def test_a_typed_option_drops_what_it_excludes() -> None:
    settings = read_settings(None, ["data=smears", "epochs=2"])
    given = ["--smoke"]
    assert as_arguments(settings, given, lambda: parser_of("train")) == ["--epochs=2"]


def test_one_file_serves_both_places(tmp_path: Path) -> None:
    config = tmp_path / "run.toml"
    config.write_text('data = "x"\nbackbone = "vgg16"\nfrozen = true\noptimizer = ["adam", "sgd"]\noutput = "runs/x"\n')
    settings = read_settings(config, [])
    there = dict(settings)
    assert "--optimizer=sgd" in as_arguments(settings, [], lambda: parser_of("sweep"))
    assert "--optimizer=sgd" in as_arguments(there, [], lambda: parser_of("sweep", "sagemaker_jobs.command"))


def test_a_section_is_no_option(tmp_path: Path) -> None:
    (tmp_path / "run.toml").write_text("[a]\nb = 1\n")
    with pytest.raises(SettingsError, match=r"\[a\] is a section"):
        read_settings(tmp_path / "run.toml", [])


@pytest.mark.parametrize("command", COMMANDS)
def test_every_help_has_an_example_that_can_be_given(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="0"):
        main([command, "--help"])
    told = capsys.readouterr().out
    one = EXAMPLES[command]
    assert f"example (time to expect: {one.time}):\n  python -m training {one.command}\n" in told
    assert "--config" in told
    name, *arguments = shlex.split(one.command)
    assert name == command
    parser_of(command).parse_args(arguments)
