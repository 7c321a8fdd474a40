"""A search on this machine: Optuna chooses what is tried next, and gives up early on what falls behind.

The study lies in ``<output>/<name>.optuna.db`` (sqlite), with each trial's whole result: the same command goes on with
it, and ``optuna-dashboard`` shows it. Another space, other fields or another protocol begin a study of their own.
"""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import optuna
from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)
from optuna.trial import TrialState

from training import tracking
from training.data.protocols import Parts, parts_of
from training.models.mlp_learner import FrozenSet
from training.models.recipes import MlpHead
from training.models.space import Space, Span, recipe_in
from training.progress import bar
from training.sweep_report import SweepReport, write_report
from training.sweep_run import Plan, empty_report, feature_sets, publish, try_trial
from training.sweep_trials import PrunedError, Trial, TrialResult

RESULT = "result"
"""Attribute of a trial in the study: its ``TrialResult``, as JSON."""
SAMPLERS_SEED = 1
STARTUP_TRIALS = 5
"""Before any is given up, and before TPE draws on what it has seen: Optuna's own 5 of the median pruner."""


@dataclass(frozen=True)
class Wanted:
    """What is asked of a search.

    Attributes
    ----------
    space
        What may be tried, of ``space.space_of``.
    sampler
        ``tpe`` (a tree of Parzen estimators) or ``random``.
    trials
        How many, those of an earlier start included.
    protocol
        What they are compared on; with one of folds, the median after each fold decides who goes on.
    frozen
        Whether backbones stay as ImageNet made them.
    """

    space: Space
    sampler: Literal["tpe", "random"]
    trials: int
    protocol: str
    frozen: bool


def search(plan: Plan, wanted: Wanted) -> SweepReport:
    """Try what the study chooses until it has as many trials as are wanted; gives all of them.

    Raises
    ------
    DataError, ValueError, WeightsError
        As ``sweep_run.sweep``.
    """
    divisions = parts_of(wanted.protocol, plan.data, plan.manifest, plan.fields)
    plan.output.mkdir(parents=True, exist_ok=True)
    study = _study(plan, wanted)
    report = empty_report(plan)
    report.results = _results(study)
    if len(_finished(study)) < wanted.trials:
        parameters = {"trials": wanted.trials, "search": wanted.sampler, "protocol": wanted.protocol}
        parameters |= {f"space.{name}": str(told) for name, told in wanted.space.items()}
        with tracking.run(f"search {plan.name}", parameters=parameters, tags=plan.tags) as parent:
            _try_all(study, plan, wanted, divisions, report, parent)
            publish(report, plan, parent)
    else:
        publish(report, plan)
    return report


def _study(plan: Plan, wanted: Wanted) -> optuna.Study:
    """Open the study of just this search, and close what an earlier process left running in it."""
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    asked = repr((sorted(wanted.space.items()), plan.manifest.digest, plan.hide_corner, wanted.frozen))
    storage = optuna.storages.RDBStorage(f"sqlite:///{plan.output / plan.name}.optuna.db")
    name = f"{plan.name} {wanted.protocol} {hashlib.sha256(asked.encode()).hexdigest()[:12]}"
    study = optuna.create_study(
        storage=storage,
        study_name=name,
        direction="maximize",
        load_if_exists=True,
        pruner=optuna.pruners.MedianPruner(n_startup_trials=STARTUP_TRIALS),
    )
    for cut_off in study.get_trials(states=(TrialState.RUNNING,)):
        study.tell(cut_off.number, state=TrialState.FAIL)
    # Not always the same: what goes on would begin with the very points that it began with before.
    seed = SAMPLERS_SEED + len(study.trials)
    study.sampler = (
        optuna.samplers.TPESampler(seed=seed, n_startup_trials=STARTUP_TRIALS)
        if wanted.sampler == "tpe"
        else optuna.samplers.RandomSampler(seed=seed)
    )
    return study


def _finished(study: optuna.Study) -> list[optuna.trial.FrozenTrial]:
    return [one for one in study.trials if RESULT in one.user_attrs]


def _results(study: optuna.Study) -> list[TrialResult]:
    """Give what each trial came to, each point once: what is drawn again is not tried again."""
    found = [TrialResult.model_validate_json(one.user_attrs[RESULT]) for one in _finished(study)]
    return list({result.trial: result for result in found}.values())


def _distributions(space: Space) -> dict[str, BaseDistribution]:
    """Give Optuna what varies."""
    found: dict[str, BaseDistribution] = {}
    for name, told in space.items():
        if isinstance(told, Span) and told.whole:
            found[name] = IntDistribution(int(told.low), int(told.high), log=told.log)
        elif isinstance(told, Span):
            found[name] = FloatDistribution(told.low, told.high, log=told.log)
        elif len(told) > 1:
            found[name] = CategoricalDistribution(told)
    return found


def _try_all(
    study: optuna.Study,
    plan: Plan,
    wanted: Wanted,
    divisions: Sequence[Parts],
    report: SweepReport,
    parent: tracking.Run,
) -> None:
    distributions = _distributions(wanted.space)
    fixed = {name: told[0] for name, told in wanted.space.items() if not isinstance(told, Span) and len(told) == 1}
    sets: dict[str, FrozenSet] = {}
    begun = len(_finished(study))
    with bar(range(begun, wanted.trials), "Trials", wanted.trials - begun, unit="trial") as shown:
        for _ in shown:
            asked = study.ask(distributions)
            trial = Trial.of(*recipe_in(fixed | asked.params, frozen=wanted.frozen), wanted.protocol)
            shown.set_postfix_str(trial.name)
            known = next((one for one in _results(study) if one.trial == trial), None)
            if known is None and trial.backbone not in sets and isinstance(trial.recipe, MlpHead):
                sets |= feature_sets(plan, [trial], report)
            result = known or try_trial(
                trial,
                f"{trial.name} #{asked.number}",
                sets,
                plan,
                divisions,
                parent,
                _pruner(asked, divisions),
            )
            asked.set_user_attr(RESULT, result.model_dump_json())
            if result.status == "finished":
                study.tell(asked, result.choice)
            else:
                study.tell(asked, state=TrialState.PRUNED if result.status == "pruned" else TrialState.FAIL)
            report.results = _results(study)
            write_report(report, plan.output, plan.name)


def _pruner(asked: optuna.Trial, divisions: Sequence[Parts]) -> Callable[[int, float], None]:
    """Give what gives a point up after a fold where it is below the median of those before it."""

    def after_fold(number: int, score: float) -> None:
        asked.report(score, number)
        if number < len(divisions) - 1 and asked.should_prune():
            raise PrunedError(f"after fold {divisions[number].name}, with {score:.4f}")

    return after_fold
