"""The licence of each dependency, against what licences.toml allows."""

import json
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path

from license_expression import ExpressionError, ExpressionParseError, LicenseExpression, Licensing, get_spdx_licensing

from release.graphviz import ROOT
from release.locks import EVERYTHING, IMAGE, IMAGE_LOCKS, described, locked

_RULES = tomllib.loads((Path(__file__).parent / "licences.toml").read_text())
_SPDX: Licensing = get_spdx_licensing()


class UnknownLicenceError(Exception):
    """A package does not say its licence in a form that is known here; the message says what to do."""


def licence(name: str) -> str:
    """Give the SPDX expression of an installed package.

    The package's own expression counts first, then its licence field, then its classifiers (all of them must hold).

    Raises
    ------
    UnknownLicenceError
        If none of them says a licence that is known.
    """
    if name in _RULES["read"]:
        return str(_RULES["read"][name])
    metadata = described(name)
    fields = [metadata[field] for field in ("License-Expression", "License") if field in metadata]
    classifiers = [
        value.split(" :: ") for value in metadata.get_all("Classifier") or [] if value.startswith("License ::")
    ]
    # "OSI Approved" and "DFSG approved" alone name no licence.
    named = [parts[-1] for parts in classifiers if len(parts) > 2 or parts[-1] in _RULES["phrases"]]
    for text in filter(None, [*fields, " AND ".join(_RULES["phrases"].get(name, name) for name in sorted(named))]):
        expression = _RULES["phrases"].get(text.strip(), text.strip())
        if len(expression) < 200 and _known(expression):
            return str(expression)
    raise UnknownLicenceError(
        f"{name} says neither an SPDX expression nor a phrase of release/licences.toml: read its licence file, "
        "and add it to [read] or its phrase to [phrases]"
    )


def _known(expression: str) -> bool:
    own = {name for name in _RULES["phrases"].values() if name.startswith("LicenseRef-")}
    try:
        symbols = _SPDX.license_symbols(_SPDX.parse(expression))
    except (ExpressionError, ExpressionParseError):
        return False
    return bool(symbols) and all(symbol.key in own or symbol.key in _SPDX.known_symbols for symbol in symbols)


def allowed(expression: str, names: set[str]) -> bool:
    """Tell whether an SPDX expression can be met by the licences of these names: one of OR, all of AND."""

    def met(node: LicenseExpression) -> bool:
        if isinstance(node, _SPDX.OR):
            return any(map(met, node.args))
        if isinstance(node, _SPDX.AND):
            return all(map(met, node.args))
        return str(node) in names

    return met(_SPDX.parse(expression))


def objections(lock: Path, names: set[str], machine: Mapping[str, str] | None = None) -> Iterator[str]:
    """Give a line for each package of a lock whose licence is unknown or not among ``names``."""
    for package in locked(lock, machine):
        try:
            expression = licence(package.name)
        except UnknownLicenceError as error:
            yield str(error)
            continue
        if not allowed(expression, names):
            yield f"{package.name} {package.version}: {expression} is not allowed in {lock.relative_to(ROOT)}"


def all_objections() -> list[str]:
    """Give every objection: to the images, to the tools, to the packages of Node."""
    shipped = set(_RULES["shipped"])
    tools = shipped | set(_RULES["tools"])
    lines = [line for lock in IMAGE_LOCKS.values() for line in objections(lock, shipped, IMAGE)]
    lines += objections(EVERYTHING, tools)
    node = json.loads((ROOT / "package-lock.json").read_text())["packages"]
    for path, package in node.items():
        expression = package.get("license", _RULES["read"].get(path))
        if expression is None:
            lines.append(f"{path} of package-lock.json says no licence: read its file, and add it to [read]")
        elif not allowed(expression, tools):
            lines.append(f"{path}: {expression} is not allowed in package-lock.json")
    return lines
