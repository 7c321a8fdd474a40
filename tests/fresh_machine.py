"""``python tests/fresh_machine.py``: the tests of the commands where the project has never run.

A copy of the working tree lies in a folder with a space, in one of 120 characters and in a plain one; the home folder
is empty, git knows nobody, pytest numbers its folders from 0, and temporary folders and terminals differ in size.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
COMMANDS = (
    "tests/unit/terminal",
    "tests/unit/client",
    "tests/unit/local",
    "tests/unit/training/sagemaker_jobs/test_command.py",
    "tests/unit/training/sagemaker_jobs/test_watch.py",
    "tests/unit/training/promotion",
    "tests/unit/training/test_ingest_pull.py",
    "tests/unit/training/data/test_fetch.py",
    "tests/unit/training/data/test_slide_report.py",
)
"""What is run: whatever a person starts, without what trains for minutes."""
_KEPT = ("PATH", "LANG", "LC_ALL", "CDK_DOCKER", "LEUKOLENS_DATA", "LEUKOLENS_REQUIRE_ALL", "LEUKOLENS_WITHOUT")
LONG_PATH = 120


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a machine may look like.

    Attributes
    ----------
    name
        Of the folder that holds the project's; ``long`` becomes one of 120 characters with all above it.
    temporary
        Length of the temporary folder's name.
    columns
        Width of the terminal in the environment.
    """

    name: str
    temporary: int
    columns: int


MACHINES = (Surroundings("with a space", 1, 40), Surroundings("long", 8, 80), Surroundings("plain", 33, 200))


def main() -> int:
    """Run the tests in each of the surroundings; gives 1 where one of them failed."""
    failed = []
    for machine in MACHINES:
        with tempfile.TemporaryDirectory(prefix="l") as folder:
            sys.stdout.write(f"\na fresh machine: {machine}\n")
            sys.stdout.flush()
            if _run(machine, Path(folder).resolve()):
                failed.append(machine.name)
    for name in failed:
        sys.stderr.write(f"fresh_machine: tests fail in the surroundings {name!r}; see above\n")
    return int(bool(failed))


def _run(machine: Surroundings, folder: Path) -> int:
    name = machine.name
    if name == "long":
        name = name.ljust(LONG_PATH - len(f"{folder}//leukolens"), "g")
    project = folder / name / "leukolens"
    _copy(project)
    home, temporary = folder / "home", folder / ("t" * machine.temporary)
    home.mkdir()
    temporary.mkdir()
    environment = {key: os.environ[key] for key in _KEPT if key in os.environ} | {
        "HOME": str(home),
        "TMPDIR": str(temporary),
        "COLUMNS": str(machine.columns),
        "PYTHONPATH": f"{project}{os.pathsep}{project / 'lambda'}",
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_CONFIG_NOSYSTEM": "1",
    }
    # The shared data set lies beside the project, which is now elsewhere.
    beside = ROOT.parent / "shared" / "data"
    if "LEUKOLENS_DATA" not in environment and beside.is_dir():
        environment["LEUKOLENS_DATA"] = str(beside)
    options = ["--quiet", "-p", "no:cacheprovider", "--numprocesses", "auto", "--no-loadscope-reorder"]
    command = [sys.executable, "-m", "pytest", *options, *COMMANDS]
    return subprocess.run(command, cwd=project, env=environment, check=False).returncode


def _copy(project: Path) -> None:
    """Copy what git would commit from the working tree, changes included."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    )
    for name in filter(None, listed.stdout.split("\0")):
        if (ROOT / name).is_file():
            (project / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, project / name)


if __name__ == "__main__":
    sys.exit(main())
