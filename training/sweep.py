"""A sweep on this machine: every optimizer with every batch size on every backbone, the backbones frozen.

The grid of the project that this one grew from, about two minutes after one pass of VGG16 over the fields::

    make sweep DATA=../shared/data/all_smears
"""

import argparse
import sys
from collections.abc import Sequence
from itertools import product
from pathlib import Path

from terminal import add_format, open_console
from training.data.dataset import FOLDER_HELP, Fields, load_fields
from training.data.labels import DataError
from training.data.protocols import HOLDOUT, PROTOCOLS, with_groups
from training.data.validation import manifest_of
from training.dry_run import add_dry_run, counts_of, minutes_of, tell
from training.models.learnt import WeightsError
from training.models.recipes import (
    CACHE,
    HEAD_LEARNING_RATES,
    HIDDEN_LAYERS,
    SWEEP_BACKBONE,
    SWEEP_BATCH_SIZES,
    MlpHead,
    reader,
)
from training.models.space import BACKBONE, Space, SpaceError, Span, chosen, demand_searchable, read_space

DEFAULT_OUTPUT = Path("runs/sweep")
SAMPLERS = ("tpe", "random")
SEARCHED = "contiguous"
"""Protocol of a search unless one is named: its folds tell early who falls behind."""
SPACE: Space = {
    "optimizer": tuple(HEAD_LEARNING_RATES),
    "batch-size": Span(8, 128, log=True, whole=True),
    "epochs": Span(5, 40, log=False, whole=True),
}
"""Of a search of which nothing is said."""


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the ``sweep`` command."""
    parser = subparsers.add_parser("sweep", help="compare optimizers, batch sizes and backbones, the backbones frozen")
    parser.add_argument("--data", type=Path, required=True, help=FOLDER_HELP)
    several = "; may be given more than once"
    parser.add_argument(
        "--backbone", action="append", choices=sorted(HIDDEN_LAYERS), help=f"({SWEEP_BACKBONE}{several})"
    )
    parser.add_argument("--optimizer", action="append", choices=sorted(HEAD_LEARNING_RATES), help=f"(all{several})")
    sizes = ", ".join(map(str, SWEEP_BATCH_SIZES))
    parser.add_argument(
        "--batch-size", action="append", type=reader(MlpHead, "batch-size"), metavar="N", help=f"({sizes}{several})"
    )
    parser.add_argument(
        "--protocol", action="append", choices=PROTOCOLS, help=f"what is tested on ({HOLDOUT}{several})"
    )
    parser.add_argument(
        "--epochs", type=reader(MlpHead, "epochs"), default=MlpHead().epochs, help="passes of each head (%(default)s)"
    )
    parser.add_argument("--seed", type=reader(MlpHead, "seed"), default=MlpHead().seed, help="(%(default)s)")
    parser.add_argument(
        "--show-corner", action="store_true", help="leave the scale bar visible, as in the project that this grew from"
    )
    parser.add_argument("--output", type=Path, default=DEFAULT_OUTPUT, help="folder of the report (%(default)s)")
    parser.add_argument("--name", default="sweep", help="of the report's files (%(default)s)")
    parser.add_argument("--cache", type=Path, default=CACHE, help="folder of features (%(default)s)")
    parser.add_argument(
        "--search",
        choices=("grid", *SAMPLERS),
        default="grid",
        help="all combinations, or what Optuna draws (%(default)s)",
    )
    parser.add_argument("--trials", type=int, metavar="N", help="of a search, those of an earlier start included")
    parser.add_argument("--space", type=Path, metavar="FILE", help="TOML file of values and ranges (docs/training.md)")
    parser.add_argument("--frozen", action="store_true", help="as it is on this machine anyway; what SageMaker is told")
    add_dry_run(parser)
    add_format(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Run the ``sweep`` command; gives the exit code: 1 where a trial failed."""
    try:
        space = _space(options)
        demand_searchable(space)
    except (SpaceError, ValueError) as error:
        sys.stderr.write(f"sweep: {error}\n")
        return 2
    # TensorFlow, which takes seconds.
    from training.sweep_report import printed
    from training.sweep_run import Plan, missing_trials, sweep
    from training.sweep_search import Wanted, search
    from training.sweep_trials import Trial

    grid = product(
        dict.fromkeys(options.protocol or [HOLDOUT]),
        *(dict.fromkeys(_values(space, name)) for name in ("backbone", "optimizer", "batch-size")),
    )
    trials = [
        Trial(
            backbone=backbone,
            optimizer=optimizer,
            batch_size=int(batch_size),
            epochs=options.epochs,
            seed=options.seed,
            protocol=protocol,
        )
        for protocol, backbone, optimizer, batch_size in (grid if options.search == "grid" else ())
    ]
    try:
        manifest = with_groups(manifest_of(options.data), options.data)
        plan = Plan(
            data=options.data,
            manifest=manifest,
            fields=load_fields(options.data),
            trials=trials,
            hide_corner=not options.show_corner,
            output=options.output,
            name=options.name,
            cache=options.cache,
        )
        wanted = Wanted(
            space=space,
            sampler=options.search,
            trials=options.trials or 0,
            protocol=(options.protocol or [SEARCHED])[0],
            epochs=options.epochs,
            seed=options.seed,
        )
        if options.dry_run:
            _tell(options, trials, plan.manifest.digest, plan.fields, [one.name for one in missing_trials(plan)])
            return 0
        report = sweep(plan) if options.search == "grid" else search(plan, wanted)
    except (DataError, WeightsError, ValueError) as error:
        sys.stderr.write(f"sweep: {error}\n")
        return 2
    except KeyboardInterrupt:
        sys.stderr.write("sweep: interrupted; the same command goes on with the trials that are missing\n")
        return 130
    printed(report).write(open_console(), options.format)
    sys.stderr.write(f"{options.output / options.name}.json, .md, .png and .html\n")
    return int(any(result.status == "failed" for result in report.results))


def _space(options: argparse.Namespace) -> Space:
    """Give what is tried: typed values before those of the file, and these before the defaults.

    Raises
    ------
    SpaceError, ValueError
        A file that cannot be followed, or options that do not go together.
    """
    grid: Space = {
        BACKBONE: (SWEEP_BACKBONE,),
        "optimizer": tuple(HEAD_LEARNING_RATES),
        "batch-size": tuple(map(str, SWEEP_BATCH_SIZES)),
    }
    typed = {
        BACKBONE: tuple(options.backbone or ()),
        "optimizer": tuple(options.optimizer or ()),
        "batch-size": tuple(map(str, options.batch_size or ())),
    }
    given = read_space(options.space) if options.space else {}
    if options.search == "grid":
        if options.trials is not None:
            raise ValueError("--trials: a grid tries every combination; leave it out, or give --search tpe")
        if other := [name for name, told in given.items() if name not in grid or isinstance(told, Span)]:
            raise SpaceError(f"--space: {other[0]}: a grid takes values of {', '.join(grid)}; give --search tpe")
        return chosen(grid | given, typed)
    if not options.trials or options.trials < 1:
        raise ValueError(f"--trials: --search {options.search} needs to know how many to try; allowed: 1 or more")
    if len(options.protocol or []) > 1:
        raise ValueError(f"--protocol: --search {options.search} compares by one; leave out the others")
    return chosen({BACKBONE: (SWEEP_BACKBONE,)} | (given or SPACE), typed)


def _values(space: Space, name: str) -> tuple[str, ...]:
    told = space.get(name, ())
    return () if isinstance(told, Span) else told


def _tell(
    options: argparse.Namespace, trials: Sequence[object], digest: str, fields: Fields, missing: list[str]
) -> None:
    backbones = dict.fromkeys(options.backbone or [SWEEP_BACKBONE])
    recipe = MlpHead(epochs=options.epochs, seed=options.seed)
    tell(
        {
            "data": options.data,
            "manifest": digest,
            "fields": counts_of(fields),
            **({"search": f"{options.search} of {options.trials}"} if options.search != "grid" else {}),
            **({"trials": len(trials), "missing": ", ".join(missing) or "none: all are there"} if trials else {}),
            "output": options.output / options.name,
            **{
                f"minutes of {name}": f"{minutes_of(name, recipe, len(fields))} unless its features are kept"
                for name in backbones
            },
        }
    )
