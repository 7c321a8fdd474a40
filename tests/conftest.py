"""What tests may need and a machine may lack: real smears, a container engine, a browser.

Absent, they skip with a reason that says how to get them. With ``LEUKOLENS_REQUIRE_ALL=1`` (CI) a skip is a
failure, so that a missing install never hides behind green.
"""

import contextlib
import gc
import os
import shutil
from collections import Counter
from collections.abc import Generator, Iterator
from functools import cache
from pathlib import Path
from typing import Any, NoReturn

import hypothesis
import pytest
from botocore.loaders import JSONFileLoader
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling

from infra.rehearsal.container import find_engine
from local.fields import data_root
from tests.infra import roles
from tests.surroundings import settle

settle()  # before any test's module reads the environment

# Hypothesis' own for CI, everywhere: the same inputs each time, and no limit of time.
hypothesis.settings.load_profile("ci")
# For a hunt by hand: pytest --hypothesis-profile=hunt
hypothesis.settings.register_profile("hunt", derandomize=False, database=None, max_examples=2000)

REQUIRE_ALL = os.environ.get("LEUKOLENS_REQUIRE_ALL") == "1"
# Kinds (markers) that may skip all the same, such as "data" where the real smears cannot be had.
WITHOUT = set(filter(None, os.environ.get("LEUKOLENS_WITHOUT", "").split(",")))
TOGETHER = (("tests/browser", "tests/container"), ("tests/infra",), ("tests/unit/training/evaluation",))
"""Folders whose files share images, templates or servers: one process of a parallel run takes each whole. The browser's
come with those that start containers: a network that comes for one of these, or goes, ends what a browser fetches."""
WORKER_BYTES = 3 * 2**30
"""What a process of a parallel run may come to hold, TensorFlow in it (python -m benchmarks.test_run measures it)."""
FIRST = ("tests/browser", "tests/container", "tests/rehearsal", "tests/unit/training")
"""What takes longest; a parallel run that begins with it does not end with one process waiting for the other."""


def absent(reason: str) -> NoReturn:
    """Skip the test; where everything is required, the hook below makes it a failure."""
    pytest.skip(reason)


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, Any, Any]:
    """Keep what is loaded out of the collector's sight: a million objects, which each look for garbage would visit."""
    gc.disable()
    collected = yield
    gc.enable()
    gc.freeze()
    return collected


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Let the longest begin first."""
    items.sort(
        key=lambda item: next((rank for rank, place in enumerate(FIRST) if _within(item.nodeid, place)), len(FIRST))
    )


def pytest_xdist_auto_num_workers() -> int:
    """Give one process a core and one more, since tests wait; no more than fit into the memory that is free."""
    free_bytes = os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    with contextlib.suppress(OSError), Path("/proc/meminfo").open() as facts:  # what caches hold can be had, too
        free_bytes = next(int(line.split()[1]) * 1024 for line in facts if line.startswith("MemAvailable"))
    return max(1, min((os.cpu_count() or 1) + 1, free_bytes // WORKER_BYTES))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say in a line for each reason what did not run, and how to have it run; with -v, what roles asked."""
    reasons = Counter(
        report.longrepr[2].removeprefix("Skipped: ")
        for report in terminalreporter.getreports("skipped")
        if isinstance(report.longrepr, tuple)
    )
    for reason, count in reasons.most_common():
        terminalreporter.line(f"not run: {count} test{'s' * (count != 1)}: {reason}")
    if terminalreporter.config.option.markexpr.startswith("not "):
        terminalreporter.line(f"left out: {terminalreporter.config.option.markexpr[4:]}; make test-all runs them")
    if roles.ROWS and terminalreporter.config.option.verbose > 0:
        terminalreporter.section("roles that were held against their policies")
        terminalreporter.write(roles.table())


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> LoadScopeScheduling:
    """Keep in one process of a parallel run what shares costly fixtures: a file, or a folder of ``TOGETHER``."""
    return _Scheduling(config, log)


class _Scheduling(LoadScopeScheduling):
    def _split_scope(self, nodeid: str) -> str:
        return next((folders[0] for folders in TOGETHER if _within(nodeid, *folders)), nodeid.partition("::")[0])


def _within(nodeid: str, *folders: str) -> bool:
    return nodeid.startswith(tuple(f"{folder}/" for folder in folders))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Generator[None, Any, Any]:
    report = yield
    excused = hasattr(report, "wasxfail") or any(item.get_closest_marker(kind) for kind in WITHOUT)
    if REQUIRE_ALL and report.skipped and not excused:
        report.outcome = "failed"
        report.longrepr = f"skipped where everything is required (LEUKOLENS_REQUIRE_ALL=1): {report.longrepr}"
    return report


@pytest.fixture(scope="session", autouse=True)
def _services_described_once() -> Iterator[None]:
    """Read AWS's descriptions of its services once: each session of boto3 reads them anew."""
    read = JSONFileLoader()._load_file
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(JSONFileLoader, "_load_file", staticmethod(cache(read)))
        yield


@pytest.fixture(scope="session")
def smears() -> Path:
    """Give the folder of real smears, one subfolder a class."""
    root = data_root()
    if root is None:
        absent("no real smears: make data fetches them (or set LEUKOLENS_DATA to a folder that holds all_smears)")
    return root / "all_smears"


@pytest.fixture(scope="session")
def lenient_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a copy of the shipped model that turns no field away, with the public set's classes: samples get numbers."""
    from tests.model_folders import copy_of

    return copy_of(tmp_path_factory.mktemp("models") / "lenient", out_of_distribution={"threshold": 1000.0}, scale=None)


@pytest.fixture(scope="session")
def service(lenient_model: Path) -> Iterator[str]:
    """Serve the API by real HTTP, with a model that answers for the samples; gives its address."""
    from settings import Settings

    from api.app import Application
    from local.gateway import Gateway
    from tests.serving import running

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("POWERTOOLS_METRICS_DISABLED", "true")  # they would come between what a test reads
        with running(Gateway(Application(Settings(model_dir=lenient_model)))) as url:
            yield url


@pytest.fixture(scope="session")
def engine() -> str:
    """Give the container engine's command."""
    name = find_engine()
    if name is None:
        absent("no container engine: install podman or start Docker")
    return name


@pytest.fixture(scope="session")
def chromium() -> str:
    """Give the path of a Chromium that Playwright can drive."""
    for name in (os.environ.get("CHROMIUM"), "chromium", "chromium-browser", "google-chrome"):
        path = shutil.which(name) if name else None
        if path:
            return path
    absent("no Chromium: apt-get install chromium, or set CHROMIUM to its path")
