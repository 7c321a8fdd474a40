"""Where another server is ahead, and what the page says of it."""

from typing import Any

from benchmarks.standing import standing


def around(median: float) -> dict[str, float]:
    return {"median": median, "low_quartile": median - 1, "high_quartile": median + 1}


def server(
    what: str,
    engine: str,
    p50_ms: float,
    rate: float,
    installed_mb: float,
    processor_ms: float | None = None,
    **packages: float,
) -> dict[str, Any]:
    return {
        "what": what,
        "engine": engine,
        "latency_ms": around(p50_ms),
        "processor_ms": around(p50_ms if processor_ms is None else processor_ms),
        "cold_start_ms": {"median": 900.0},
        "requests_per_s": {"1": rate},
        "requests_per_s_spread": {"1": around(rate)},
        "memory_mb": 100.0,
        "installed_mb": installed_mb,
        "packages_mb": packages,
    }


def results(**others: dict[str, Any]) -> dict[str, Any]:
    ours = server("this project", "litert", 30.0, 30.0, 180.0, botocore=26.0, numpy=40.0)
    return {
        "engines": {"litert": {"processor_ms": around(22.0)}, "onnxruntime": {"processor_ms": around(18.0)}},
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
    assert "FastAPI is ahead, 20.0 ms against 30.0 ms, 1.50 times." in latency
    assert "18.0 ms there (ONNX Runtime) and 22.0 ms here (LiteRT)" in latency
    assert "in the caches, is 2.0 ms there and 8.0 ms here" in latency
    rate = next(line for line in lines if "1 client**" in line)
    assert "FastAPI is ahead, 45.0 against 30.0, 1.50 times." in rate
    assert "Of the processor an answer takes 20.0 ms there and 30.0 ms here" in rate


def test_a_model_slower_alone_than_in_its_server_is_not_made_a_cause() -> None:
    fast = server("FastAPI", "onnxruntime", 15.0, 30.0, 180.0)
    assert "too disturbed" in standing(results(fast=fast))[0]


def test_the_same_engine_leaves_the_server_as_the_cause() -> None:
    fast = server("LitServe", "litert", 25.0, 30.0, 180.0)
    line = standing(results(fast=fast))[0]
    assert "the bare model takes 22.0 ms in both (LiteRT); the rest" in line
    assert "is 3.0 ms there and 8.0 ms here" in line
    assert "spread" not in line


def test_a_lead_that_is_not_the_processors_is_called_waiting() -> None:
    lucky = server("LitServe", "litert", 25.0, 30.0, 180.0, processor_ms=31.0)
    assert "an answer takes 31.0 ms there and 30.0 ms here, no more" in standing(results(lucky=lucky))[0]


def test_a_lead_within_the_spread_is_called_so() -> None:
    near = server("LitServe", "litert", 28.5, 30.0, 180.0)
    assert "1.05 times, less than the spread of the run (the middle halves overlap)." in standing(results(near=near))[0]


def test_a_smaller_installation_is_told_by_its_packages() -> None:
    small = server("small", "litert", 60.0, 15.0, 154.0, numpy=40.0, flask=2.0)
    line = next(line for line in standing(results(small=small)) if "installed size" in line)
    assert "154 MB against 180 MB, 1.17 times" in line
    assert "Here and not there: `botocore` (26 MB); there and not here: `flask` (2 MB)" in line
    assert "numpy" not in line


def test_values_within_two_per_cent_are_level_and_what_did_not_run_is_not_compared() -> None:
    near = server("near", "litert", 29.9, 30.2, 179.0)
    (line,) = standing(results(near=near, absent={"what": "absent", "not_measured": "no wheel"}))
    assert "latency" in line
