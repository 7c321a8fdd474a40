"""``make rehearse``: one line a step, and a last line with counts."""

import argparse
import contextlib
import signal
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from infra.environments import ConfigError, load_environment
from infra.image import stage_context
from infra.rehearsal.cdk import Cdk
from infra.rehearsal.container import EngineError, find_engine
from infra.rehearsal.emulator import EmulatorError, run_emulator
from infra.rehearsal.functions import Functions
from infra.rehearsal.gateway import Gateway
from infra.rehearsal.images import find_images
from infra.rehearsal.program import ProgramError
from infra.rehearsal.runtime_api import FunctionError
from infra.rehearsal.stage import Stage, StepError
from infra.rehearsal.steps import PROVED, STEPS
from infra.rehearsal.variants import EMULATED, write_environment
from local.children import ChildError

ENVIRONMENT = "dev"
_FAILURES = (
    ChildError,
    ConfigError,
    EmulatorError,
    EngineError,
    FunctionError,
    ProgramError,
    StepError,
)


def main() -> int:
    """Run the rehearsal; 0 only if every step did."""
    arguments = _parse(sys.argv[1:])
    # Ends what was started when the terminal or a supervisor ends us.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("terminated"))
    steps = STEPS[: [step.__name__ for step in STEPS].index(arguments.until) + 1]
    passed = 0
    try:
        with _stage(arguments) as stage:
            for step in steps:
                begun = time.monotonic()
                seen = step(stage)
                passed += 1
                name = step.__name__.replace("_", " ")
                print(f"ok    {time.monotonic() - begun:5.1f} s  {name}: {seen}", flush=True)
    except _FAILURES as error:
        name = steps[passed].__name__.replace("_", " ")
        print(f"FAILED {name}: {error}", flush=True)
    if passed == len(STEPS):
        print(PROVED, end="", flush=True)
    print(f"rehearsal: {passed} passed, {int(passed < len(steps))} failed", flush=True)
    return 0 if passed == len(steps) else 1


def _parse(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m infra.rehearsal", description=__doc__)
    parser.add_argument("--port", type=int, help="of the emulator; a free one, if left out")
    parser.add_argument("--engine", help='container engine, or "none" to answer by processes; found, if left out')
    names = [step.__name__ for step in STEPS]
    parser.add_argument("--until", choices=names, default=names[-1], help="the last step; all, if left out")
    return parser.parse_args(arguments)


@contextlib.contextmanager
def _stage(arguments: argparse.Namespace) -> Iterator[Stage]:
    """Start everything that the steps need, and end it afterwards, however they went."""
    engine = arguments.engine or find_engine()
    images, kind = find_images()
    with contextlib.ExitStack() as started:
        work = Path(started.enter_context(tempfile.TemporaryDirectory(prefix="leukolens-rehearsal-")))
        environments = write_environment(ENVIRONMENT, EMULATED, work / "environments")
        environment = load_environment(ENVIRONMENT, environments)
        context = stage_context(environment, work / "image")
        names = [f"leukolens-{environment.name}-{part}" for part in ("predict", "erase", "batch", "summary")]
        functions = started.enter_context(Functions(names, None if engine == "none" else engine, context, work))
        emulator = started.enter_context(
            run_emulator(work, region=environment.region, functions=functions.addresses, port=arguments.port)
        )
        cdk = Cdk(emulator, environments, environment.name, work)
        gateway = started.enter_context(Gateway(emulator))
        yield Stage(environment, work, emulator, cdk, functions, images, kind, gateway)


if __name__ == "__main__":
    sys.exit(main())
