import subprocess
import time

import pytest

pytestmark = pytest.mark.container


def run(engine: str, *arguments: str) -> str:
    return subprocess.run([engine, *arguments], check=True, capture_output=True, text=True).stdout


def test_the_health_check_passes_on_a_read_only_system_without_rights(engine: str, page_image: str):
    confined = ["--network", "none", "--read-only", "--tmpfs", "/tmp", "--cap-drop", "all"]
    name = run(engine, "run", "--detach", *confined, page_image).split()[-1]
    try:
        check = run(engine, "inspect", "--format", "{{json .Config.Healthcheck.Test}}", name)
        assert "_stcore/health" in check
        probe = "import urllib.request as r; r.urlopen('http://127.0.0.1:8501/_stcore/health', timeout=2)"
        deadline = time.monotonic() + 90
        while subprocess.run(
            [engine, "exec", name, "python3", "-c", probe], capture_output=True, check=False
        ).returncode:
            assert time.monotonic() < deadline
            time.sleep(0.5)
        assert run(engine, "exec", name, "id", "-u").strip() == "65534"
    finally:
        run(engine, "rm", "--force", name)


def test_the_image_holds_no_model_and_no_inference_code(engine: str, page_image: str):
    held = run(
        engine, "run", "--rm", "--entrypoint", "sh", page_image, "-c", "find /app -name '*.tflite'; ls /app /app/api"
    )
    assert "tflite" not in held
    assert "inference" not in held
    assert "schemas.py" in held
