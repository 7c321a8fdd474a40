"""The command line's settings, read from the environment in one place."""

from collections.abc import Mapping
from dataclasses import dataclass, fields

import httpx

from .auth import BearerToken, ClientCredentials

DEFAULT_URL = "http://127.0.0.1:8000"
_PREFIX = "LEUKOLENS_CLIENT_"


class SettingsError(ValueError):
    """The environment asks for what there is not; the message names the variable."""


@dataclass(frozen=True, slots=True)
class Access:
    """How requests are authenticated: not at all, by a token, or by a client's credentials."""

    token: str = ""
    token_url: str = ""
    id: str = ""
    secret: str = ""
    scope: str = ""

    def auth(self) -> httpx.Auth | None:
        """Make what signs the requests; None where none is needed."""
        if self.token:
            return BearerToken(self.token)
        if self.token_url:
            return ClientCredentials(self.token_url, self.id, self.secret, scope=self.scope or None)
        return None


def read_access(environment: Mapping[str, str]) -> Access:
    """Read ``LEUKOLENS_CLIENT_TOKEN``, or ``_TOKEN_URL``, ``_ID``, ``_SECRET`` and ``_SCOPE``.

    Raises
    ------
    SettingsError
        For an unknown variable of this prefix, or credentials of which a part is missing.
    """
    names = {_PREFIX + field.name.upper(): field.name for field in fields(Access)}
    variables = {name: value for name, value in environment.items() if name.startswith(_PREFIX)}
    unknown = sorted(variables.keys() - names.keys())
    if unknown:
        raise SettingsError(f"Unknown settings {', '.join(unknown)}; the known ones are {', '.join(names)}.")
    access = Access(**{names[name]: value for name, value in variables.items()})
    parts = {"TOKEN_URL": access.token_url, "ID": access.id, "SECRET": access.secret}
    missing = [_PREFIX + name for name, value in parts.items() if not value]
    if not access.token and 0 < len(missing) < len(parts):
        raise SettingsError(f"Client credentials need {', '.join(missing)}, too.")
    return access
