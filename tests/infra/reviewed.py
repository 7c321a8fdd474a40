"""The stacks of dev as they were reviewed: the snapshots, which test_snapshots.py holds against a synthesis.

For tests that ask what a policy says and need not wait for the CDK.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from infra.rehearsal.account import Account

SNAPSHOTS = Path(__file__).parent / "snapshots" / "dev"


@dataclass(frozen=True)
class _Template:
    raw: dict[str, Any]


def reviewed_account() -> Account:
    """Give the account that dev's snapshots would be deployed as."""
    return Account({path.stem: _Template(json.loads(path.read_text())) for path in SNAPSHOTS.glob("*.json")})
