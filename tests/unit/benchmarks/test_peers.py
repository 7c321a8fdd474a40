"""The servers of the table, with the versions that are pinned; one that cannot be had is there with the reason."""

import io
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from benchmarks import peers_serving
from benchmarks.contest import OURS, ROSTER, Peer
from benchmarks.environments import PEERS, NotInstallableError, pinned


def test_every_folder_of_a_peer_is_a_server_or_a_conversion_and_pins_all_that_it_asks_for() -> None:
    folders = {path.parent.name: path for path in PEERS.glob("*/requirements.txt")}
    assert {peer.name for peer in ROSTER} - {OURS} == {name for name in folders if not name.endswith("_conversion")}
    for path in folders.values():
        assert len(pinned(path)) == len(path.read_text().split()), f"{path} asks for what it does not pin"


@pytest.mark.parametrize("peer", ROSTER, ids=lambda peer: peer.name)
def test_a_server_tells_the_versions_that_it_is_made_of(peer: Peer) -> None:
    versions = peer.versions()
    assert len(versions) >= 4
    assert peer.engine != "litert" or versions["ai-edge-litert"] == ROSTER[0].versions()["ai-edge-litert"]


def _refused(name: str) -> Any:
    def install(peer: Peer) -> Path:
        if peer.name == name:
            raise NotInstallableError("no wheel for this system")
        return Path("/nowhere")

    return install


def test_a_peer_that_cannot_be_installed_is_listed_with_the_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    found: dict[str, dict[str, Any]] = {peer.name: {} for peer in ROSTER}
    monkeypatch.setattr(Peer, "install", _refused("bentoml"))
    monkeypatch.setattr(Peer, "model", lambda _: Path("model"))
    monkeypatch.setattr(peers_serving, "packages_mb", lambda _: {})
    folders = peers_serving._install(Console(file=io.StringIO()), found)
    assert {peer.name for peer in folders} == {peer.name for peer in ROSTER} - {"bentoml"}
    assert found["bentoml"] == {"not_measured": "no wheel for this system"}


def test_without_this_project_there_is_nothing_to_compare(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Peer, "install", _refused(OURS))
    with pytest.raises(NotInstallableError):
        peers_serving._install(Console(file=io.StringIO()), {peer.name: {} for peer in ROSTER})
