"""The bare model on each engine."""

from pathlib import Path

from benchmarks import engines
from benchmarks.contest import ROSTER


def test_our_engine_runs_twice_and_only_one_of_them_asks_for_huge_pages(tmp_path: Path) -> None:
    folders = {peer: tmp_path / peer.name for peer in ROSTER}
    for folder in folders.values():
        # Tells what it was called with, as the real one tells its milliseconds.
        program = folder / "bin" / "python"
        program.parent.mkdir(parents=True)
        program.write_text(
            '#!/bin/sh\ncase "$GLIBC_TUNABLES" in *hugetlb=1*) a=1;; *) a=0;; esac\necho "[[$a], [0]]"\n'
        )
        program.chmod(0o755)
    runs = engines.by_engine(folders)
    assert set(runs) == {"litert", "litert_in_huge_pages", "tensorflow", "onnxruntime", "openvino"}
    asked = {name: engines.run(name, *runs[name])[0] for name in runs if name != "onnxruntime"}
    assert asked == {"litert": [0], "litert_in_huge_pages": [1], "tensorflow": [0], "openvino": [0]}
