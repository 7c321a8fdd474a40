"""Each section tells its results, from made-up ones: the page is right before the first whole run as well."""

from pathlib import Path
from typing import Any

import pytest

from benchmarks import figures, report

HEAD: dict[str, Any] = {
    "when": "2026-01-02T03:04:05+00:00",
    "machine": {"processor": "a core", "cores": 2, "load_average": [0.5, 0.5, 0.5]},
    "versions": {"python": "3.12.1", "ai-edge-litert": "2.3.0"},
    "model": {"version": "9.9.9", "backbone": "efficientnet-lite0", "precision": "float32", "size_bytes": 2_000_000},
    "pinned_to_core": 1,
}


def series(median: float) -> dict[str, float]:
    spread = {"low_quartile": median * 0.9, "high_quartile": median * 1.1, "p99": median * 1.2}
    return {"n": 9, "fastest": median * 0.8, "median": median, **spread}


def model_file(precision: str, gops: float) -> dict[str, Any]:
    shares = {"float32": gops / 100, "int8": gops / 400}
    return {
        "precision": precision,
        "size_mb": 2.0,
        "multiply_adds": 600_000_000,
        "ms": series(20.0),
        "gops": gops,
        "share_of_peak": shares,
    }


def image_row(megapixels: float) -> dict[str, Any]:
    return {"megapixels": megapixels, "file_mb": megapixels, "ms": series(10 * megapixels), "peak_mb": 100.0}


RESULTS: dict[str, dict[str, Any]] = {
    "adapt": {
        "what": "synthetic fields",
        "images": 100,
        "looks": 3,
        "adapt_s": 40.0,
        "looks_per_s": series(60.0),
        "computed_pass_s": 5.0,
        "times_the_pass": 8.0,
        "many": 1000,
        "computed_many_s": 85,
    },
    "limit": {
        "peak_gops": {"float32": 100.0, "int8": 400.0},
        "matrix_side": 1024,
        "product_ms": {"float32": series(21.5), "int8": series(5.4)},
        "models": {
            "default/model.tflite": model_file("float32", 40.0),
            "the same, layers in int8": model_file("int8", 72.0),
        },
        "not_measured": {},
        "request_ms": series(25.0),
        "share_outside_the_model": 0.2,
    },
    "scaling": {
        "images_per_call": 20,
        "images_per_s": {"one_core": series(10.0), "two_cores": series(16.0), "two_processes": series(20.0)},
        "times_one_core": {"one_core": 1.0, "two_cores": 1.6, "two_processes": 2.0},
    },
    "growth": {
        "images": {
            "sizes": {kind: [image_row(0.5), image_row(100)] for kind in ("jpg", "png")},
            "from_megapixels": 5,
            "exponents": {"jpg": 1.01, "png": 0.98},
        },
        "batches": {"lengths": [{"images": n, "peak_mb": 110.0} for n in (1, 100)], "exponent": 0.0},
        "manifests": {
            "rows": [
                {
                    "rows": rows,
                    "peak_mb": 200.0,
                    "taken_s": dict.fromkeys(("write", "read", "random", "contiguous", "slides"), rows / 1e5),
                }
                for rows in (10_000, 1_000_000)
            ],
            "exponents": dict.fromkeys(("write", "read", "random", "contiguous", "slides"), 1.0),
        },
    },
    "page": {
        "ms": {way: {"1": series(500.0), "50": series(4000.0)} for way in ("websocket", "polling")},
        "polling_to_websocket": {"1": 1.05, "50": 0.99},
        "session_images": 200,
        "memory_after_session_mb": 333.0,
    },
    "training": {
        "what": "real smears",
        "sweep": {
            "runs": 9,
            "epochs": 20,
            "images": 3256,
            "images_per_s": series(9.25),
            "heads_s": {"adam 16": 4.0},
            "computed_cached_s": 400.0,
            "computed_recomputing_s": 64_000.0,
            "times_as_fast": 160.0,
        },
        "features": {
            "images": 128,
            "images_per_s": {"pass": series(150.0), "bare": series(160.0)},
            "of_bare": 0.94,
        },
        "pipeline": {
            "images": 256,
            "batch_size": 32,
            "images_per_s": {"one_by_one": series(50), "first_epoch": series(200), "later_epoch": series(400)},
            "times_as_fast": {"first_epoch": 4.0, "later_epoch": 8.0},
        },
    },
}
RESULTS |= {
    "serving": {
        "image": "drawn field",
        "warm_ms": {
            name: series(20.0)
            for name in (
                "litert_invoke",
                "handler",
                "handler_on_tensorflow",
                "handler_explain",
                "local_http",
                "keras_vgg16",
            )
        },
        "cold_start_ms": {"handler": series(500.0), "handler_on_tensorflow": series(9000.0)},
        "cold_start_steps_ms": {"interpreter_ms": 30.0, "load_ms": 400.0, "first_answer_ms": 70.0},
        "imports_ms": {"numpy": 65.0},
        "memory_mb": {"after_100_requests": 139.0, "after_300_requests": 140.0, "peak_24_megapixels": 150.0},
        "ratios": {"handler_to_invoke": 1.2, "vgg16_to_handler": 4.5, "cold_start_tensorflow_to_handler": 18.0},
        "explain_adds_ms": 1.0,
    },
    "peers": {
        "engines": {
            name: {"ms": series(ms), "processor_ms": series(ms)}
            for name, ms in (("litert", 19.5), ("litert_in_huge_pages", 18.5))
        },
        "servers": {
            "leukolens": {
                "what": "A server",
                "engine": "litert",
                "versions": {"a": "1.2", "b": "3.4"},
                "latency_ms": series(20.0),
                "processor_ms": series(19.0),
                "cold_start_ms": series(900.0),
                "requests_per_s": {"1": 30.0},
                "requests_per_s_spread": {"1": series(30.0)},
                "memory_mb": 146.0,
                "installed_mb": 209.0,
                "packages_mb": {"numpy": 50.0},
                "largest_difference": 0.0,
            },
            "b": {"what": "B server", "engine": "", "versions": {"c": "5.6"}, "not_measured": "no wheel\nfor this"},
        },
    },
    "image": {
        "above_base_mb": 126.0,
        "packages_mb": 120.0,
        "model_mb": 3.2,
        "code_mb": 0.36,
        "largest_packages_mb": {"numpy": 26.0, "PIL": 6.9},
    },
    "load": {
        "clients": 32,
        "requests": 300,
        "statuses": {"200": 299, "ReadTimeout": 1},
        "requests_per_s": 12.0,
        "latency_ms": series(2500.0),
        "memory_mb": {"after_300_requests": 148.0},
    },
    "pull": {
        "what": "real smears",
        "images": 1280,
        "size_bytes": 28_000_000,
        "images_per_s": {"download_file": series(65), "pull_one_by_one": series(240), "pull": series(650)},
        "times_as_fast": 10.0,
    },
}
SAYS = {
    "limit": ["| the same, layers in int8 | int8 |", "18% |", "20% of its time", "LiteRT, XNNPACK"],
    "scaling": ["| 1 | 1,769 | 10.0 |", "| 6 | 10,240 |", "share of 75%", "US dollars a million"],
    "growth": ["JPEG 1.01, PNG 0.98", "Exponent 0.0", "1,000,000 rows"],
    "page": ["polling takes 1.05 (1 image) and 0.99 (50 images) times", "200 images", "333 MB"],
    "training": ["9.25 images a second", "160.0 times as fast", "64000", "160: 94%", "| 200 | 180 | 220 | 4.0 |"],
    "serving": ["1.2 times the model alone", "takes 18.0 times as long", "140.0 MB after 300 requests"],
    "peers": [
        "| A server | a 1.2, b 3.4 |",
        "| B server | c 5.6 |",
        "B server could not be measured: no wheel",
        "| A server | 20.0 | 24.0 | 19.0 | 900 | 30.0 |",
        "19.5 (LiteRT)",
    ],
    "image": ["126.0 MB above its base", "| numpy | 26.0 |"],
    "load": ["300 requests by 32 clients", "1 failed"],
    "adapt": ["100 synthetic fields", "| 40 |", "1,000 images, computed", "8.0 times as long"],
    "pull": ["1,280 real smears (28 MB)", "10.0 times as fast", "| 650 | 585 | 715 |"],
}


@pytest.mark.parametrize("name", RESULTS)
def test_a_section_tells_its_results_and_shows_its_figures(
    name: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(figures, "FOLDER", tmp_path)
    module = report.module_of(name)
    text = module.section(HEAD | RESULTS[name])
    for said in ["model 9.9.9", *SAYS[name]]:
        assert said in text
    if hasattr(module, "figures"):
        module.figures(HEAD | RESULTS[name])
    drawn = {path.stem for path in tmp_path.glob("*.png")}
    assert drawn == {line.rpartition("/")[2].removesuffix(".png)") for line in text.splitlines() if "](images/" in line}
