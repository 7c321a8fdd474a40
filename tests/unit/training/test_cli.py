"""The commands before any of them begins: what they import, and how they end where the disk is full."""

import errno
import os
import subprocess
import sys
from pathlib import Path

import pytest

from training.cli import COMMANDS, main
from training.tracking.journal import Journal

LOADED = """
import contextlib, sys
from training.cli import main
with contextlib.suppress(SystemExit):
    main(sys.argv[1:])
print(sorted({"keras", "mlflow", "sagemaker", "tensorflow"} & set(sys.modules)), file=sys.stderr)
"""
HELPED = """
import contextlib, sys
from training.cli import COMMANDS, main
for command in ("--help", *COMMANDS):
    with contextlib.suppress(SystemExit):
        main([command, "--help"])
    if loaded := {"keras", "matplotlib.pyplot", "mlflow", "sagemaker", "sklearn", "tensorflow"} & set(sys.modules):
        sys.exit(f"{command} loads {sorted(loaded)}")
"""


def test_help_waits_for_no_large_library(tmp_path: Path) -> None:
    told = subprocess.run([sys.executable, "-c", HELPED], capture_output=True, text=True, check=False, cwd=tmp_path)
    assert (told.returncode, told.stderr) == (0, "")
    assert told.stdout.count("usage: python -m training") == 1 + len(COMMANDS)


def test_a_promotion_of_a_folder_waits_for_no_tensorflow(tmp_path: Path) -> None:
    command = ["promote", "--run", str(tmp_path), "--env", "staging", "--bucket", "s3://models", "--manifest", "none"]
    told = subprocess.run(
        [sys.executable, "-c", LOADED, *command], capture_output=True, text=True, check=True, cwd=tmp_path
    )
    assert told.stderr.splitlines()[-1] == "[]"
    assert "promote: " in told.stderr


def test_the_help_of_all_tells_what_each_command_does(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="0"):
        main(["--help"])
    told = capsys.readouterr().out
    assert all(f"\n    {name}" in told for name in COMMANDS)
    assert "put a measured model into an environment" in " ".join(told.split())


def test_a_full_disk_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    journal = Journal.begin(tmp_path, "cut off")
    journal.write("begin", name="cut off", parameters={}, tags={})
    (journal.folder / "writer").touch()  # of a process that is gone

    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    assert main(["sync", str(tmp_path)]) == 1
    assert capsys.readouterr().err == "sync: the disk is full: make room, then give the same command again\n"


def test_a_shell_completes_commands_and_options(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["completion", "bash"]) == 0
    script = tmp_path / "completion.bash"
    script.write_text(capsys.readouterr().out)
    asked = (
        f"source {script}; COMP_WORDS=(leukolens-training $1); COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1)); "
        '$(complete -p leukolens-training | sed "s/.*-F \\([^ ]*\\) .*/\\1/"); echo "${COMPREPLY[@]}"'
    )

    def completed(words: str) -> list[str]:
        shell = ["bash", "-c", asked.replace("$1", words)]
        return subprocess.run(shell, capture_output=True, text=True, check=True).stdout.split()

    assert completed("cross") == ["crossvalidate"]
    assert set(completed("sweep --s")) == {"--search", "--space", "--seed", "--set", "--show-corner"}
    with pytest.raises(SystemExit, match="2"):
        main(["completion", "cmd.exe"])


@pytest.mark.parametrize("stage", ["training.doctor.look", "training.cli._with_settings"])
def test_an_interruption_at_any_stage_is_one_line(
    stage: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(stage, interrupt)
    assert main(["doctor"]) == 130
    assert capsys.readouterr().err == "python -m training: interrupted; the same command can be given again\n"
