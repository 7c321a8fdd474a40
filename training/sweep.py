"""A sweep on this machine: combinations of settings on one backbone or several, or what a search chooses.

The grid of the project that this one grew from, nine heads on a frozen VGG16::

    make sweep DATA=../shared/data/all_smears

Without ``--frozen`` each trial trains the whole network.
"""

import argparse
import sys
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING

from terminal import add_format, open_console
from training.data.dataset import FOLDER_HELP, load_fields
from training.data.labels import DataError
from training.data.protocols import HOLDOUT, PROTOCOLS, with_groups
from training.data.validation import manifest_of
from training.dry_run import add_dry_run, describe_counts, print_dry_run
from training.expected_time import minutes_of
from training.models.learnt import WeightsError
from training.models.recipes import CACHE, MlpHead, method_of
from training.models.space import (
    BACKBONE,
    Space,
    Span,
    add_tried,
    combinations,
    read_space,
    recipe_in,
    space_of,
    typed_space,
)

if TYPE_CHECKING:
    from training.sweep_run import Plan

DEFAULT_OUTPUT = Path("runs/sweep")
SAMPLERS = ("tpe", "random")
SEARCHED = "contiguous"
"""Protocol of a search unless one is named: its folds tell early who falls behind."""


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the ``sweep`` command."""
    parser = subparsers.add_parser("sweep", help="compare settings and backbones by a grid or a search")
    parser.add_argument("--data", type=Path, required=True, help=FOLDER_HELP)
    add_tried(parser)
    parser.add_argument(
        "--frozen", action="store_true", help="train only the head; the backbone keeps ImageNet's weights"
    )
    parser.add_argument(
        "--protocol",
        action="append",
        choices=PROTOCOLS,
        help=f"what is tested on ({HOLDOUT}, of a search {SEARCHED}; may be given more than once)",
    )
    parser.add_argument(
        "--show-corner",
        action="store_true",
        help="with --frozen, for heads of several layers: leave the scale bar visible, as the project that this grew "
        "from did",
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
    add_dry_run(parser)
    add_format(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Run the ``sweep`` command; gives the exit code: 1 where a trial failed."""
    try:
        space = _space(options)
    except ValueError as error:
        sys.stderr.write(f"sweep: {error}\n")
        return 2
    # TensorFlow, which takes seconds.
    from training.sweep_report import terminal_table
    from training.sweep_run import Plan, missing_trials, sweep
    from training.sweep_search import SearchSettings, search
    from training.sweep_trials import Trial

    trials = [
        Trial.of(*recipe_in(combination, frozen=options.frozen), protocol)
        for protocol, combination in product(dict.fromkeys(options.protocol or [HOLDOUT]), combinations(space))
        if options.search == "grid"
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
        search_settings = SearchSettings(
            space=space,
            sampler=options.search,
            trials=options.trials or 0,
            protocol=(options.protocol or [SEARCHED])[0],
            frozen=options.frozen,
        )
        if options.dry_run:
            _print_dry_run(options, space, plan, [trial.name for trial in missing_trials(plan)])
            return 0
        report = sweep(plan) if options.search == "grid" else search(plan, search_settings)
    except (DataError, WeightsError, ValueError) as error:
        sys.stderr.write(f"sweep: {error}\n")
        return 2
    except KeyboardInterrupt:
        sys.stderr.write("sweep: interrupted; the same command goes on with the trials that are missing\n")
        return 130
    terminal_table(report).write(open_console(), options.format)
    sys.stderr.write(f"{options.output / options.name}.json, .md, .png and .html\n")
    return int(any(result.status == "failed" for result in report.results))


def _space(options: argparse.Namespace) -> Space:
    """Give what is tried: typed values before those of the file, and these before the defaults.

    Raises
    ------
    SpaceError, RecipeError, ValueError
        A file that cannot be followed, or options that do not go together.
    """
    grid = options.search == "grid"
    if grid and options.trials is not None:
        raise ValueError("--trials: a grid tries every combination; leave it out, or give --search tpe")
    if not grid and (not options.trials or options.trials < 1):
        raise ValueError(f"--trials: --search {options.search} needs to know how many to try; allowed: 1 or more")
    if not grid and len(options.protocol or []) > 1:
        raise ValueError(f"--protocol: --search {options.search} compares by one; leave out the others")
    file = read_space(options.space) if options.space else {}
    space = space_of({**file, **typed_space(options)}, frozen=options.frozen, grid=grid)
    if options.show_corner and any(
        method_of(backbone, frozen=options.frozen) is not MlpHead for backbone in _backbones(space)
    ):
        raise ValueError("--show-corner goes with --frozen and a backbone under a head of several layers, as vgg16 is")
    return space


def _backbones(space: Space) -> tuple[str, ...]:
    backbones = space[BACKBONE]
    return () if isinstance(backbones, Span) else backbones


def _print_dry_run(options: argparse.Namespace, space: Space, plan: "Plan", missing: list[str]) -> None:
    recipes = dict(recipe_in(combination, frozen=options.frozen) for combination in combinations(space))
    print_dry_run(
        {
            "data": options.data,
            "manifest": plan.manifest.digest,
            "fields": describe_counts(plan.fields.counts),
            **({"search": f"{options.search} of {options.trials}"} if options.search != "grid" else {}),
            **(
                {"trials": len(plan.trials), "missing": ", ".join(missing) or "none: all are there"}
                if plan.trials
                else {}
            ),
            "output": options.output / options.name,
            **{
                f"minutes of {name}": f"{minutes_of(name, recipe, len(plan.fields))}"
                f"{' unless its features are kept' if recipe.frozen else ''}"
                for name, recipe in recipes.items()
            },
        }
    )
