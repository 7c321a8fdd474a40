"""A real Chromium, a real API and the real page, reached directly and through a proxy that passes no WebSocket."""

import base64
import re
import shutil
import subprocess
import time
from collections.abc import Callable, Generator, Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from moto.server import ThreadedMotoServer
from playwright.sync_api import Browser, BrowserContext, Page, Request, expect, sync_playwright

from api.schemas import Prediction
from client import LeukolensClient
from frontend import finding
from infra.rehearsal.container import find_engine
from tests.conftest import absent

from . import servers
from .evidence import Evidence

FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run"]
SAMPLES = servers.ROOT / "samples"
IMAGES = servers.ROOT / "docs" / "images"
BUCKET = "reviews"
IMAGE = "localhost/leukolens-page:test"
PATIENCE_MS = 90_000
"""Of every wait: on a busy machine the page's first paint takes seconds."""
FAILED = pytest.StashKey[bool]()

expect.set_options(timeout=PATIENCE_MS)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Generator[None, Any, Any]:
    report = yield
    item.stash[FAILED] = report.failed or item.stash.get(FAILED, False)
    return report


@pytest.fixture(scope="package")
def logs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("servers")


@pytest.fixture(scope="package")
def api_address(chromium: str, logs: Path) -> Iterator[str]:
    store = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    store.start()
    host, port = store.get_host_and_port()
    access = {
        "AWS_ENDPOINT_URL_S3": f"http://{host}:{port}",
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_REGION": "eu-central-1",
    }
    session = boto3.Session("test", "test", region_name=access["AWS_REGION"])
    place = {"LocationConstraint": access["AWS_REGION"]}
    session.client("s3", endpoint_url=access["AWS_ENDPOINT_URL_S3"]).create_bucket(
        Bucket=BUCKET, CreateBucketConfiguration=place
    )
    with servers.api(logs / "api.log", LEUKOLENS_FEEDBACK_BUCKET=BUCKET, **access) as address:
        yield address
    store.stop()


@pytest.fixture(scope="package")
def api(api_address: str) -> Iterator[LeukolensClient]:
    with LeukolensClient(api_address) as client:
        yield client


@pytest.fixture(scope="package")
def direct_address(api_address: str, logs: Path) -> Iterator[str]:
    """Give the page as ``make demo`` starts it, with a WebSocket."""
    with servers.page(api_address, logs / "page.log") as address:
        yield address


@pytest.fixture(scope="package")
def proxied_address(api_address: str, logs: Path, request: pytest.FixtureRequest) -> Iterator[str]:
    """Give the built container behind the proxy; where no engine is at hand, the same process without one."""
    if shutil.which("nginx") is None:
        absent("no nginx: apt-get install nginx-light")
    engine = find_engine()
    if engine is None:
        page = servers.page(api_address, logs / "proxied-page.log", LEUKOLENS_TRANSPORT="auto")
    else:
        image = request.getfixturevalue("page_image")
        page = servers.page_container(engine, image, api_address, logs / "proxied-page.log")
    with page as upstream, servers.proxy(upstream, logs / "nginx") as address:
        yield address


@pytest.fixture(scope="package")
def page_image(engine: str) -> str:
    """Give the tag of the page's image, built from this checkout."""
    # podman leaves the health check out of an image of its own default format.
    layout = ["--format", "docker"] if "podman" in engine else ["--provenance=false"]
    # On the host's network: one that came for the build would end what a browser is fetching (ERR_NETWORK_CHANGED).
    layout += ["--network", "host"]
    command = [engine, "build", *layout, "--quiet", "--file", "frontend/Dockerfile", "--tag", IMAGE, "."]
    subprocess.run(command, cwd=servers.ROOT, check=True, stdout=subprocess.DEVNULL)
    return IMAGE


@pytest.fixture(scope="package", params=["direct", "proxied"])
def page_address(request: pytest.FixtureRequest) -> str:
    """Give the page in both ways, one after the other: a test that takes it must hold for each."""
    return str(request.getfixturevalue(f"{request.param}_address"))


@pytest.fixture(scope="package")
def browser(chromium: str) -> Iterator[Browser]:
    with sync_playwright() as driver, driver.chromium.launch(executable_path=chromium, args=FLAGS) as running:
        yield running


@pytest.fixture(scope="package")
def idle_tab(browser: Browser, proxied_address: str) -> Iterator[tuple[Page, list[float], float]]:
    """Give a tab that was used and then left alone, how long its requests took (s), and since when it is (s)."""
    with browser.new_context() as context:
        context.set_default_timeout(PATIENCE_MS)
        tab = context.new_page()
        lasted: list[float] = []

        def note(request: Request) -> None:
            lasted.append(request.timing["responseEnd"] / 1000)

        tab.on("requestfinished", note)
        tab.goto(proxied_address)
        upload(tab, SAMPLES / "synthetic_early_01.png")
        expect_read(tab, 1)
        yield tab, lasted, time.monotonic()


@pytest.fixture(scope="package", autouse=True)
def _idle_first(request: pytest.FixtureRequest) -> None:
    """Leave the tab alone from before all other tests, where its test is asked for: it waits while they run."""
    if any("idle_tab" in getattr(item, "fixturenames", ()) for item in request.session.items):
        request.getfixturevalue("idle_tab")


@pytest.fixture
def visit(browser: Browser, logs: Path, request: pytest.FixtureRequest) -> Iterator[Callable[..., Page]]:
    """Give a function that opens a browser of its own, with its own cookies, on an address."""
    contexts: list[BrowserContext] = []
    evidence = Evidence()

    def visiting(address: str, scheme: str = "light", locale: str = "en-GB") -> Page:
        window = {"width": 1280, "height": 900}
        context = browser.new_context(viewport=window, color_scheme=scheme, locale=locale)
        context.set_default_timeout(PATIENCE_MS)
        contexts.append(context)
        tab = context.new_page()
        evidence.watch(tab)
        tab.goto(address)
        return tab

    yield visiting
    if request.node.stash.get(FAILED, False):
        request.node.add_report_section("teardown", "browser", evidence.told(logs))
    for context in contexts:
        context.close()


def upload(tab: Page, *paths: Path) -> None:
    tab.get_by_label("Choose images").set_input_files(list(paths))


def expect_read(tab: Page, count: int) -> None:
    """Expect the ledger to count so many fields as read."""
    # The line of the ledger: what is printed for a report says the same in longer words.
    expect(tab.locator(".lk-ledger-line").filter(has_text=re.compile(rf"dropped: {count} read")).first).to_be_visible()


def expect_large(tab: Page) -> None:
    """Expect the opened field's picture to be drawn."""
    expect(tab.locator(".lk-look[data-shown]:not([data-shown=''])").first).to_be_visible()


def drop(tab: Page, *paths: Path) -> None:
    """Drop files on the page as a mouse does, all at once."""
    files = [[path.name, base64.b64encode(path.read_bytes()).decode()] for path in paths]
    dropped = tab.evaluate_handle(
        """files => {
            const held = new DataTransfer();
            for (const [name, content] of files) {
                const bytes = Uint8Array.from(atob(content), character => character.charCodeAt(0));
                held.items.add(new File([bytes], name, { type: "image/png" }));
            }
            return held;
        }""",
        files,
    )
    expect(tab.get_by_label("Choose images")).to_be_attached()
    tab.locator("body").dispatch_event("drop", {"dataTransfer": dropped})


def open_view(tab: Page, name: str) -> None:
    tab.get_by_role("link", name=name).filter(visible=True).first.click()
    expect(tab.get_by_role("heading", name=name, exact=True)).to_be_visible()


def expect_result(tab: Page, answer: Prediction) -> None:
    """Expect on the page what the API itself said."""
    said = finding.read(answer, None)
    expect(tab.get_by_role("button", name=re.compile(rf"^Field \d+, {said.title}")).first).to_be_visible()


def settle(tab: Page) -> None:
    """Wait until Streamlit has no run under way, the code of every element is loaded, and all has faded in."""
    for unsettled in ("[data-test-script-state=running]", "[data-testid=stSkeleton]", "[data-stale=true]"):
        expect(tab.locator(unsettled)).to_have_count(0)
    tab.wait_for_function("() => document.getAnimations().every(one => one.effect.getTiming().iterations === Infinity)")


def different(folder: Path, count: int) -> list[Path]:
    """Write so many images: the same picture with another ending is another file."""
    samples = sorted(SAMPLES.glob("*.png"))
    paths = [folder / f"field_{number:02}.png" for number in range(count)]
    for number, path in enumerate(paths):
        path.write_bytes(samples[number % len(samples)].read_bytes() + bytes([number]))
    return paths
