"""What a role is seen to ask, held against what its policies say; ``pytest -v`` ends with the table."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from infra.rehearsal.account import Request, allows, unused


@dataclass(frozen=True)
class Row:
    """One role: how many requests were seen, how many of them its policies allow, and what nothing asked for."""

    role: str
    asked: int
    allowed: int
    unused: list[str]


ROWS: list[Row] = []


def hold(
    role: str,
    statements: list[dict[str, Any]],
    asked: list[Request],
    spare: Iterable[str] | Callable[[str], bool] = (),
) -> None:
    """Refuse what the policies refuse, and what they allow beyond what is asked.

    Parameters
    ----------
    role
        As the table calls it.
    spare
        Actions that are allowed and that nothing here asks for, or what tells one; each with its reason beside it.
    """
    refused = [request for request in asked if not allows(statements, request)]
    left = unused(statements, asked)
    ROWS.append(Row(role, len(asked), len(asked) - len(refused), left))
    assert not refused, f"{role} asks for what its policies do not allow"
    spared = spare if callable(spare) else set(spare).__contains__
    assert [action for action in left if not spared(action)] == [], f"{role} may do what nothing asks for"


def table() -> str:
    """Draw the rows in Markdown."""
    head = "| role | calls seen | allowed | allowed and not asked |\n| --- | --: | --: | --- |\n"
    rows = {  # a test that runs for several cases writes the same row for each
        f"| {row.role} | {row.asked} | {row.allowed} | {', '.join(row.unused) or '-'} |\n" for row in ROWS
    }
    return head + "".join(sorted(rows))
