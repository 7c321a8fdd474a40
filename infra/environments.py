"""Read one environment's file, or say in one message what is wrong with it."""

import tomllib
from pathlib import Path
from typing import get_args

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from infra.config import Environment, EnvironmentName

ENVIRONMENTS = Path(__file__).resolve().parent.parent / "environments"
NAMES: tuple[str, ...] = get_args(EnvironmentName)


class ConfigError(Exception):
    """An environment's file cannot be used; the message names file, key and what is allowed."""


def load_environment(name: str | None, folder: Path = ENVIRONMENTS) -> Environment:
    """Read ``<folder>/<name>.toml``.

    Parameters
    ----------
    name
        One of ``dev``, ``staging`` and ``prod``; anything else is refused.
    folder
        Where the files are.

    Raises
    ------
    ConfigError
        If the name is unknown, or the file is missing, is no TOML, or holds a wrong key or value.
    """
    if name not in NAMES:
        complaint = f"no environment {name!r}" if name else "no environment named"
        raise ConfigError(f"{complaint}: give --context env=NAME (make: ENV=NAME) with one of {', '.join(NAMES)}")
    path = folder / f"{name}.toml"
    file = f"{path.parent.name}/{path.name}"
    try:
        values = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ConfigError(f"{file} is missing: copy environments/dev.toml and set its values") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{file} is not TOML: {error}") from None
    try:
        environment = Environment.model_validate(values)
    except ValidationError as error:
        problems = [f"  {_explain(problem)}" for problem in error.errors()]
        raise ConfigError("\n".join([f"{file} cannot be used:", *problems])) from None
    if environment.name != name:
        raise ConfigError(f"{file}: name is {environment.name!r}, but the file is named for {name!r}: make them agree")
    return environment


def _explain(problem: ErrorDetails) -> str:
    """Turn one finding of pydantic into ``key: what is allowed``."""
    key = ".".join(str(part) for part in problem["loc"])
    if problem["type"] == "extra_forbidden":
        return f"{key}: unknown key; allowed here: {', '.join(_keys_beside(problem['loc']))}"
    if problem["type"] == "missing":
        return f"{key}: missing; environments/dev.toml explains it"
    message = problem["msg"].removeprefix("Value error, ")
    value = problem["input"]
    return f"{key}: {message} (got {value!r})" if key else message


def _keys_beside(location: tuple[int | str, ...]) -> list[str]:
    """List the keys of the table that the last part of ``location`` stands in."""
    section: type[BaseModel] = Environment
    for part in location[:-1]:
        annotation = section.model_fields[str(part)].annotation
        candidates = [annotation, *get_args(annotation)]
        section = next(c for c in candidates if isinstance(c, type) and issubclass(c, BaseModel))
    return sorted(section.model_fields)
