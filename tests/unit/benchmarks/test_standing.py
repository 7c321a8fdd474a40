"""Where another server is ahead, and what the page says of it."""

from typing import Any

from benchmarks.sections.standing import standing


def server(
    what: str, engine: str, p50_ms: float, rate: float, installed_mb: float, **packages: float
) -> dict[str, Any]:
    return {
        "what": what,
        "engine": engine,
        "latency_ms": {"median": p50_ms},
        "cold_start_ms": {"median": 900.0},
        "requests_per_s": {"1": rate},
        "memory_mb": 100.0,
        "installed_mb": installed_mb,
        "packages_mb": packages,
    }


def results(**others: dict[str, Any]) -> dict[str, Any]:
    ours = server("this project", "litert", 30.0, 30.0, 180.0, botocore=26.0, numpy=40.0)
    return {
        "engines_ms": {"litert": {"median": 22.0}, "onnxruntime": {"median": 18.0}},
        "servers": {"leukolens": ours, **others},
    }


def test_nobody_ahead_is_said_in_one_line() -> None:
    slower = server("slow", "litert", 60.0, 15.0, 200.0)
    (line,) = standing(results(slow=slower))
    assert line.startswith("- First, or level")
    assert all(name in line for name in ("latency, p50", "cold start", "1 client", "memory", "installed size"))


def test_another_engine_ahead_is_told_with_both_engines_times() -> None:
    fast = server("FastAPI", "onnxruntime", 20.0, 45.0, 180.0)
    lines = standing(results(fast=fast))
    latency = next(line for line in lines if "latency" in line)
    assert "FastAPI is ahead, 20.0 ms against 30.0 ms: 1.50 times" in latency
    assert "18.0 ms by onnxruntime and 22.0 ms by litert" in latency
    assert "2.0 ms there and 8.0 ms here" in latency
    assert any(
        "answers a second, 1 client**: FastAPI is ahead, 45.0 against 30.0: 1.50 times" in line for line in lines
    )


def test_the_same_engine_leaves_the_server_as_the_cause() -> None:
    fast = server("LitServe", "litert", 25.0, 30.0, 180.0)
    assert "Both run the model by litert" in standing(results(fast=fast))[0]


def test_a_smaller_installation_is_told_by_its_packages() -> None:
    small = server("small", "litert", 60.0, 15.0, 154.0, numpy=40.0)
    line = next(line for line in standing(results(small=small)) if "installed size" in line)
    assert "154 MB against 180 MB: 1.17 times" in line
    assert "`botocore` (26 MB)" in line
    assert "numpy" not in line


def test_values_within_two_per_cent_are_level_and_what_did_not_run_is_not_compared() -> None:
    near = server("near", "litert", 29.9, 30.2, 179.0)
    (line,) = standing(results(near=near, absent={"what": "absent", "not_measured": "no wheel"}))
    assert "latency" in line
