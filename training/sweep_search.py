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
class SearchSettings:
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


def search(plan: Plan, settings: SearchSettings) -> SweepReport:
    """Try what the study chooses until it has as many trials as are wanted; gives all of them.

    Raises
    ------
    DataError, ValueError, WeightsError
        As ``sweep_run.sweep``.
    """
    divisions = parts_of(settings.protocol, plan.data, plan.manifest, plan.fields)
    plan.output.mkdir(parents=True, exist_ok=True)
    study = _study(plan, settings)
    report = empty_report(plan)
    report.results = _results(study)
    if len(_finished_trials(study)) < settings.trials:
        parameters = {"trials": settings.trials, "search": settings.sampler, "protocol": settings.protocol}
        parameters |= {f"space.{name}": str(values) for name, values in settings.space.items()}
        with tracking.run(f"search {plan.name}", parameters=parameters, tags=plan.tags) as parent:
            _try_all(study, plan, settings, divisions, report, parent)
            publish(report, plan, parent)
    else:
        publish(report, plan)
    return report


def _study(plan: Plan, settings: SearchSettings) -> optuna.Study:
    """Open the study of just this search, and close what an earlier process left running in it."""
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    definition = repr((sorted(settings.space.items()), plan.manifest.digest, plan.hide_corner, settings.frozen))
    storage = optuna.storages.RDBStorage(f"sqlite:///{plan.output / plan.name}.optuna.db")
    name = f"{plan.name} {settings.protocol} {hashlib.sha256(definition.encode()).hexdigest()[:12]}"
    study = optuna.create_study(
        storage=storage,
        study_name=name,
        direction="maximize",
        load_if_exists=True,
        pruner=optuna.pruners.MedianPruner(n_startup_trials=STARTUP_TRIALS),
    )
    for running_trial in study.get_trials(states=(TrialState.RUNNING,)):
        study.tell(running_trial.number, state=TrialState.FAIL)
    # Not always the same: what goes on would begin with the very points that it began with before.
    seed = SAMPLERS_SEED + len(study.trials)
    study.sampler = (
        optuna.samplers.TPESampler(seed=seed, n_startup_trials=STARTUP_TRIALS)
        if settings.sampler == "tpe"
        else optuna.samplers.RandomSampler(seed=seed)
    )
    return study


def _finished_trials(study: optuna.Study) -> list[optuna.trial.FrozenTrial]:
    return [trial for trial in study.trials if RESULT in trial.user_attrs]


def _results(study: optuna.Study) -> list[TrialResult]:
    """Give what each trial came to, each point once: what is drawn again is not tried again."""
    results = [TrialResult.model_validate_json(trial.user_attrs[RESULT]) for trial in _finished_trials(study)]
    return list({result.trial: result for result in results}.values())


def _distributions(space: Space) -> dict[str, BaseDistribution]:
    """Give Optuna what varies."""
    distributions: dict[str, BaseDistribution] = {}
    for name, values in space.items():
        if isinstance(values, Span) and values.whole:
            distributions[name] = IntDistribution(int(values.low), int(values.high), log=values.log)
        elif isinstance(values, Span):
            distributions[name] = FloatDistribution(values.low, values.high, log=values.log)
        elif len(values) > 1:
            distributions[name] = CategoricalDistribution(values)
    return distributions


def _try_all(
    study: optuna.Study,
    plan: Plan,
    settings: SearchSettings,
    divisions: Sequence[Parts],
    report: SweepReport,
    parent: tracking.Run,
) -> None:
    distributions = _distributions(settings.space)
    fixed = {
        name: values[0] for name, values in settings.space.items() if not isinstance(values, Span) and len(values) == 1
    }
    sets: dict[str, FrozenSet] = {}
    finished_count = len(_finished_trials(study))
    with bar(
        range(finished_count, settings.trials), "Trials", settings.trials - finished_count, unit="trial"
    ) as progress:
        for _ in progress:
            optuna_trial = study.ask(distributions)
            trial = Trial.of(*recipe_in(fixed | optuna_trial.params, frozen=settings.frozen), settings.protocol)
            progress.set_postfix_str(trial.name)
            earlier_result = next((result for result in _results(study) if result.trial == trial), None)
            if earlier_result is None and trial.backbone not in sets and isinstance(trial.recipe, MlpHead):
                sets |= feature_sets(plan, [trial], report)
            result = earlier_result or try_trial(
                trial,
                f"{trial.name} #{optuna_trial.number}",
                sets,
                plan,
                divisions,
                parent,
                _pruner(optuna_trial, divisions),
            )
            optuna_trial.set_user_attr(RESULT, result.model_dump_json())
            if result.status == "finished":
                study.tell(optuna_trial, result.choice)
            else:
                study.tell(optuna_trial, state=TrialState.PRUNED if result.status == "pruned" else TrialState.FAIL)
            report.results = _results(study)
            write_report(report, plan.output, plan.name)


def _pruner(optuna_trial: optuna.Trial, divisions: Sequence[Parts]) -> Callable[[int, float], None]:
    """Give what gives a point up after a fold where it is below the median of those before it."""

    def after_fold(number: int, score: float) -> None:
        optuna_trial.report(score, number)
        if number < len(divisions) - 1 and optuna_trial.should_prune():
            raise PrunedError(f"after fold {divisions[number].name}, with {score:.4f}")

    return after_fold
