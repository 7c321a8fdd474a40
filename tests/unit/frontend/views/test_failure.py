import httpx
import pytest
from streamlit.testing.v1 import AppTest

from client import UnreachableError
from client.errors import LeukolensError, service_error
from frontend import settings
from frontend.settings import read
from tests.unit.frontend.conftest import words
from tests.unit.frontend.test_sign_in import OIDC

SILENT = UnreachableError("No answer from http://10.0.0.7:8000")


def shown(error: LeukolensError, monkeypatch: pytest.MonkeyPatch, *, signs_in: bool) -> AppTest:
    """Show a failure as a view does."""

    def view(error: object) -> None:
        # Runs as a script of its own, which knows no name of this file.
        from client import LeukolensError
        from frontend.views import failure

        assert isinstance(error, LeukolensError)
        failure.show(error, "No report.", "Your fields are still here.", again=True)

    chosen = read(OIDC if signs_in else {})
    monkeypatch.setattr(settings, "current", lambda: chosen)
    return AppTest.from_function(view, args=(error,), default_timeout=60).run()


def refusal(status: int) -> LeukolensError:
    return service_error(httpx.Response(status, text="no"))


@pytest.mark.parametrize(
    ("error", "signs_in", "said", "offered"),
    [
        (refusal(401), True, "Your sign-in has expired.", ["Sign in again"]),
        (refusal(401), False, "does not let this page in", []),
        (refusal(403), True, "does not let this page in", []),
        (SILENT, True, "does not answer", ["Try again"]),
        (refusal(503), False, "does not answer", ["Try again"]),
    ],
)
def test_each_failure_has_its_own_way_out(
    monkeypatch: pytest.MonkeyPatch, error: LeukolensError, signs_in: bool, said: str, offered: list[str]
):
    page = shown(error, monkeypatch, signs_in=signs_in)
    assert "No report." in words(page)
    assert said in words(page)
    assert "10.0.0.7" not in words(page)
    assert [button.label for button in page.button] == offered
