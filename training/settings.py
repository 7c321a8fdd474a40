"""Options from elsewhere than the command line: ``--config run.toml`` and ``--set key=value``.

A file holds what one would type, under the same names, whatever the command::

    data = "../shared/data/all_smears"
    backbone = "vgg16"
    frozen = true
    optimizer = ["adam", "sgd"]      # an option that may be given more than once

What is typed wins over ``--set``, and ``--set`` over the file, option by option (docs/decisions/250).
"""

import argparse
import difflib
import tomllib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

SWITCH = {"true": True, "false": False}


class SettingsError(ValueError):
    """A file or a ``--set`` that cannot be followed; names the key and what to write."""


@dataclass(frozen=True)
class Setting:
    """One key of a file or of ``--set``.

    Attributes
    ----------
    source
        How messages call the place: ``run.toml`` or ``--set``.
    values
        More than one for an option that may be given more than once.
    """

    source: str
    values: tuple[Any, ...]


def add_settings(parser: argparse._ActionsContainer) -> None:
    """Add ``--config`` and ``--set`` to a parser."""
    parser.add_argument("--config", type=Path, metavar="FILE", help="TOML file of options, by their names here")
    parser.add_argument(
        "--set",
        dest="assigned",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        help="one option by its name, over what FILE says; may be given more than once",
    )


def read_settings(config: Path | None, assigned: Sequence[str]) -> dict[str, Setting]:
    """Read a file, and what is set over it.

    Raises
    ------
    SettingsError
        There is no such file, it is no TOML, it has sections, or an assignment is none.
    """
    settings = _read_file(config) if config else {}
    typed: dict[str, tuple[str, ...]] = {}
    for text in assigned:
        key, equals, value = text.partition("=")
        if not (key and equals):
            raise SettingsError(f"--set {text}: write it as KEY=VALUE, such as --set batch-size=16")
        typed[key.strip()] = (*typed.get(key.strip(), ()), value.strip())
    return settings | {key: Setting("--set", values) for key, values in typed.items()}


def _read_file(path: Path) -> dict[str, Setting]:
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise SettingsError(f"--config {path}: there is no such file") from None
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"--config {path}: it cannot be read ({error})") from None
    except tomllib.TOMLDecodeError as error:
        raise SettingsError(f"--config {path}: no TOML file: {error}") from None
    for key, value in table.items():
        if isinstance(value, dict):
            raise SettingsError(f"--config {path}: [{key}] is a section; write the options without any, key = value")
    return {
        key: Setting(path.name, tuple(value) if isinstance(value, list) else (value,)) for key, value in table.items()
    }


def as_arguments(
    settings: dict[str, Setting], argv: Sequence[str], make_parser: Callable[[], argparse.ArgumentParser]
) -> list[str]:
    """Write settings as the command line would have them, without those that are typed there already.

    Parameters
    ----------
    settings
        Of ``read_settings``.
    argv
        What is typed after the command's name.
    make_parser
        Makes the command's parser; each call a new one.

    Raises
    ------
    SettingsError
        The command has no such option, or the option takes no such value.
    """
    parser = make_parser()
    options = {
        name.removeprefix("--"): action
        for action in parser._actions
        for name in action.option_strings
        if name.startswith("--") and action.dest != "help"
    }
    typed = _typed_dests(make_parser(), argv)
    # Of options that exclude each other, a typed one leaves none of the others standing.
    for group in parser._mutually_exclusive_groups:
        members = {action.dest for action in group._group_actions}
        typed |= members if members & typed else set()
    arguments: list[str] = []
    for key, setting in settings.items():
        if key not in options:
            matches = difflib.get_close_matches(key.replace("_", "-").lower(), options, n=1, cutoff=0.5)
            hint = f"did you mean {matches[0]}?" if matches else f"all options: {parser.prog} --help"
            raise SettingsError(f"{setting.source}: {key}: {parser.prog} has no such option; {hint}")
        if options[key].dest not in typed:
            arguments += _option_arguments(key, options[key], setting)
    return arguments


def _typed_dests(parser: argparse.ArgumentParser, argv: Sequence[str]) -> set[str]:
    """Tell what of a command is typed, by where it is kept; what is wrong with that is refused as ever."""
    for action in parser._actions:
        action.default, action.required = argparse.SUPPRESS, False
        if not action.option_strings and action.nargs is None:
            action.nargs = "?"
    for group in parser._mutually_exclusive_groups:
        group.required = False
    parser._defaults.clear()
    return set(vars(parser.parse_args(argv)))


def _option_arguments(key: str, action: argparse.Action, setting: Setting) -> list[str]:
    repeatable = isinstance(action, argparse._AppendAction)
    # Assigned more than once, the last holds; a list in a file means all of it.
    values = setting.values if repeatable or setting.source != "--set" else setting.values[-1:]
    if len(values) != 1 and not repeatable:
        raise SettingsError(f"{setting.source}: {key} takes one value, and no list")
    if action.nargs == 0:
        (value,) = values
        switched = SWITCH.get(value.lower()) if isinstance(value, str) else value
        if not isinstance(switched, bool):
            raise SettingsError(f"{setting.source}: {key} = {value}: allowed: true or false")
        return [f"--{key}"] if switched else []
    if any(isinstance(value, bool | dict | list) for value in values):
        raise SettingsError(f"{setting.source}: {key} takes a text or a number")
    return [f"--{key}={value}" for value in values]
