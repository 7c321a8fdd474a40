"""Throwaway virtual environments of the peers, under .work/peers/; made once for each list of requirements."""

import hashlib
import re
import shutil
import subprocess
from pathlib import Path

from .machine import ROOT

ENVIRONMENTS = ROOT / ".work" / "peers"
PEERS = ROOT / "benchmarks" / "peers"
_TIMEOUT_S = 600
_PIN = re.compile(r"^([a-z0-9-]+)==(\S+)", re.MULTILINE)


class NotInstallableError(Exception):
    """A peer cannot be installed here; the message is the installer's."""


def environment(name: str, requirements: Path, *extra: str, compiled: bool = True) -> Path:
    """Make a virtual environment, or find the one made before.

    Parameters
    ----------
    name
        Of its folder.
    requirements
        Pinned versions.
    extra
        Further requirements.
    compiled
        Whether byte code is made now, as an image would hold it, and not in the first start.

    Returns
    -------
    Path
        Its folder.

    Raises
    ------
    NotInstallableError
        When a requirement cannot be had.
    """
    folder = ENVIRONMENTS / name
    digest = hashlib.sha256(
        requirements.read_bytes() + " ".join(("compiled" if compiled else "", *extra)).encode()
    ).hexdigest()
    mark = folder / "made-of"
    if mark.exists() and mark.read_text() == digest:
        return folder
    shutil.rmtree(folder, ignore_errors=True)
    uv = _uv()
    _run([uv, "venv", "--quiet", "--python", str(ROOT / ".venv" / "bin" / "python"), str(folder)])
    options = [
        "--python",
        str(folder / "bin" / "python"),
        "--link-mode",
        "hardlink",
        *(["--compile-bytecode"] if compiled else []),
    ]
    _run([uv, "pip", "install", "--quiet", *options, "-r", str(requirements), *extra])
    mark.write_text(digest)
    return folder


def pinned(requirements: Path, *extra: str) -> dict[str, str]:
    """Give the version of each package that is pinned, by name."""
    return dict(_PIN.findall("\n".join([requirements.read_text(), *extra])))


def size_mb(folder: Path) -> float:
    """Give the size of an environment's files, in MB (10^6 bytes)."""
    return round(sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) / 1e6, 1)


def packages_mb(folder: Path) -> dict[str, float]:
    """Give the size of each top-level package of an environment, in MB, largest first."""
    site = next(folder.glob("lib/python*/site-packages"))
    sizes = {path.name: size_mb(path) for path in site.iterdir() if path.is_dir()}
    return dict(sorted(((name, size) for name, size in sizes.items() if size >= 1.0), key=lambda item: -item[1]))


def onnx_model(model: Path) -> Path:
    """Convert a TFLite file to ONNX, or find the conversion made before."""
    command = ["-m", "tf2onnx.convert", "--tflite", "{model}", "--output", "{target}", "--opset", "17"]
    return _converted(model, "onnx_conversion", ".onnx", command)


def int8_model(model: Path) -> Path:
    """Quantise the layers with weights of a TFLite file to eight bits, or find the file made before."""
    command = [str(PEERS / "int8_conversion" / "convert.py"), "{model}", "{target}"]
    return _converted(model, "int8_conversion", "-int8.tflite", command)


def _converted(model: Path, converter: str, suffix: str, arguments: list[str]) -> Path:
    target = ENVIRONMENTS / f"{hashlib.sha256(model.read_bytes()).hexdigest()[:16]}{suffix}"
    if not target.exists():
        converter_folder = environment(converter, PEERS / converter / "requirements.txt", compiled=False)
        unfinished = target.with_name(f"unfinished{suffix}")
        command_arguments = [argument.format(model=model, target=unfinished) for argument in arguments]
        _run([str(converter_folder / "bin" / "python"), *command_arguments])
        unfinished.replace(target)
    return target


def _uv() -> str:
    installed = sorted((ROOT / ".tools").glob("uv-*/bin/uv"))
    if not installed:
        raise NotInstallableError("uv is not set up: run `make setup`")
    return str(installed[-1])


def _run(command: list[str]) -> None:
    try:
        completed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=_TIMEOUT_S)
    except subprocess.TimeoutExpired as error:
        raise NotInstallableError(f"{command[0]} took longer than {_TIMEOUT_S} s") from error
    if completed.returncode != 0:
        raise NotInstallableError((completed.stderr or completed.stdout).strip()[-500:])
