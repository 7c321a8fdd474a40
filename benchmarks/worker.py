"""One contender in a process of its own: ``python -m benchmarks.worker NAME CORES STARTED_NS``.

NAME is a function of contenders.py with its arguments, ``classify:/tmp/field.jpg``; CORES are numbers with commas, or
empty for all. Says on standard output when it has answered first, then answers as often as each line of standard input
asks for, and tells the times.
"""

import json
import os
import sys
import time
from pathlib import Path


def main() -> None:
    """Load the contender, answer once, then obey."""
    (name, *arguments), cores, started_ns = sys.argv[1].split(":"), sys.argv[2], int(sys.argv[3])
    if cores:
        os.sched_setaffinity(0, {int(core) for core in cores.split(",")})
    # Contenders log to standard output; as in Lambda, that goes elsewhere.
    with os.fdopen(os.dup(1), "w", buffering=1) as stdout, Path(os.devnull).open("w") as null:
        os.dup2(null.fileno(), 1)
        import_ns = time.monotonic_ns()
        from benchmarks import contenders

        call = getattr(contenders, name)(*arguments)
        loaded_ns = time.monotonic_ns()
        call()
        first_ns = time.monotonic_ns()
        milestones = {
            "interpreter_ms": (import_ns - started_ns) / 1e6,
            "load_ms": (loaded_ns - import_ns) / 1e6,
            "first_answer_ms": (first_ns - loaded_ns) / 1e6,
            "total_ms": (first_ns - started_ns) / 1e6,
        }
        print(json.dumps(milestones), file=stdout)
        for line in sys.stdin:
            times_ms = []
            for _ in range(int(line)):
                start_ns = time.perf_counter_ns()
                call()
                times_ms.append((time.perf_counter_ns() - start_ns) / 1e6)
            print(json.dumps(times_ms), file=stdout)


if __name__ == "__main__":
    main()
