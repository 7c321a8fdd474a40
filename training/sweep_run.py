"""A sweep on this machine: its trials, one after the other, and what is kept of them."""

import shutil
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Literal

from pydantic import ValidationError

from training import tracking
from training.data.dataset import Fields
from training.data.manifest import Manifest
from training.data.protocols import Parts, group_names, parts_of
from training.experiment import Experiment
from training.full_disk import full_disk
from training.models.feature_cache import FrozenBackbone, cached_features, is_begun
from training.models.mlp_learner import FrozenSet
from training.models.recipes import CACHE, MlpHead
from training.progress import bar
from training.sweep_page import write_page
from training.sweep_report import SweepReport, figure, ranked, write_report
from training.sweep_trials import PrunedError, Trial, TrialResult, log_trial, run_trial
from training.tracking.run_logging import log_dataset


@dataclass(frozen=True)
class Plan:
    """What is swept, over which fields, and where the results go.

    Attributes
    ----------
    data, manifest, fields
        The fields.
    trials
        In the order in which they run.
    hide_corner
        Whether the scale bar is painted over.
    output, name
        Folder and first name of the report's files.
    cache
        Of features.
    """

    data: Path
    manifest: Manifest
    fields: Fields
    trials: Sequence[Trial]
    hide_corner: bool
    output: Path
    name: str
    cache: Path = CACHE

    @property
    def corner(self) -> str:
        """What reports and runs say of the scale bar."""
        return "hidden" if self.hide_corner else "visible"

    @cached_property
    def slides(self) -> Mapping[str, str]:
        """Which fields belong together: told or inferred, once for all trials."""
        return group_names(self.data, self.manifest)

    @property
    def tags(self) -> dict[str, str]:
        """Of each run in MLflow."""
        return {"data_manifest": self.manifest.digest, "leukolens.sweep": self.name}


def sweep(plan: Plan) -> SweepReport:
    """Run every trial that no earlier sweep of the same name has finished; one that fails does not stop the others.

    Raises
    ------
    DataError, ValueError
        The fields are too few for a protocol.
    WeightsError
        A backbone's weights cannot be had.
    """
    divisions = {
        protocol: parts_of(protocol, plan.data, plan.manifest, plan.fields)
        for protocol in dict.fromkeys(trial.protocol for trial in plan.trials)
    }
    report = _earlier_report(plan)
    result_by_trial = {result.trial: result for result in report.results if result.status == "finished"}
    waiting = [trial for trial in plan.trials if trial not in result_by_trial]
    if not waiting:  # a run of this would be empty: those of the trials are filed under an earlier one
        report.results = [result_by_trial[trial] for trial in plan.trials]
        publish(report, plan)
        return report
    with tracking.run(f"sweep {plan.name}", parameters={"trials": len(plan.trials)}, tags=plan.tags) as parent:
        sets = feature_sets(plan, waiting, report)
        with bar(waiting, "Trials", len(waiting), unit="trial") as progress:
            for trial in progress:
                progress.set_postfix_str(trial.name)
                result_by_trial[trial] = try_trial(trial, trial.name, sets, plan, divisions[trial.protocol], parent)
                report.results = [result_by_trial[trial] for trial in plan.trials if trial in result_by_trial]
                write_report(report, plan.output, plan.name)
        publish(report, plan, parent)
    return report


def publish(report: SweepReport, plan: Plan, run: tracking.Run | None = None) -> None:
    """Write report and page, and tell the run above the trials of them and of the best."""
    paths = [*write_report(report, plan.output, plan.name).values(), write_page(report, plan.output, plan.name)]
    if run is None:
        return
    log_best_trials(run, report.results)
    run.figure("sweep", figure(report))
    for path in paths:
        run.file(path, "report")


def missing_trials(plan: Plan) -> list[Trial]:
    """List the trials that no earlier sweep of the same name has finished."""
    finished = {result.trial for result in _earlier_report(plan).results if result.status == "finished"}
    return [trial for trial in plan.trials if trial not in finished]


def _earlier_report(plan: Plan) -> SweepReport:
    """Give what an earlier sweep has left, if it was of the same fields; else an empty report."""
    path = plan.output / f"{plan.name}.json"
    if path.is_file():
        try:
            earlier = SweepReport.model_validate_json(path.read_bytes())
        except ValidationError:
            earlier = None
        if earlier and (earlier.manifest, earlier.corner) == (plan.manifest.digest, plan.corner):
            return earlier
    return empty_report(plan)


def empty_report(plan: Plan) -> SweepReport:
    """Give the report of a sweep that has tried nothing yet."""
    created = datetime.now(UTC).replace(microsecond=0)
    return SweepReport(manifest=plan.manifest.digest, created=created, corner=plan.corner, features_s={}, results=[])


def feature_sets(plan: Plan, trials: Sequence[Trial], report: SweepReport) -> dict[str, FrozenSet]:
    """Compute the features of every backbone that heads of several layers are put on, or read them."""
    sets = {}
    for name in dict.fromkeys(trial.backbone for trial in trials if isinstance(trial.recipe, MlpHead)):
        backbone = FrozenBackbone(name, hide_corner=plan.hide_corner)
        fresh = not is_begun(backbone, plan.fields.images, plan.cache)
        start = time.monotonic()
        features = cached_features(backbone, plan.fields.images, plan.cache)
        report.features_s[name] = round(time.monotonic() - start, 1) if fresh else report.features_s.get(name)
        sets[name] = FrozenSet(plan.manifest, plan.fields, backbone, features)
    return sets


def try_trial(
    trial: Trial,
    name: str,
    sets: Mapping[str, FrozenSet],
    plan: Plan,
    divisions: Sequence[Parts],
    parent: tracking.Run,
    after_fold: Callable[[int, float], None] | None = None,
) -> TrialResult:
    """Run one trial under a run of its own in MLflow; one that fails or is given up says why and stops no other.

    Parameters
    ----------
    trial, divisions, after_fold
        As of ``run_trial``.
    name
        Of the run.
    sets
        Features by backbone, for heads of several layers.
    plan, parent
        What it belongs to.
    """
    start = time.monotonic()

    def unfinished(status: Literal["pruned", "failed"], error: str) -> TrialResult:
        return TrialResult(trial=trial, status=status, error=error, seconds=round(time.monotonic() - start, 2))

    parameters = {"backbone": trial.backbone, **trial.recipe.record(), "frozen": trial.frozen}
    parameters |= {"protocol": trial.protocol, "corner": plan.corner}
    work = plan.output / f".{plan.name}-work" / trial.name.replace(" ", "-")
    try:
        with tracking.run(name, parameters=parameters, tags=plan.tags, parent=parent) as run:
            log_dataset(run, plan.data, plan.fields, plan.manifest)
            try:
                experiment = _experiment(trial, plan, sets)
                outcome = run_trial(trial, experiment, work, divisions, after_fold)
            except PrunedError as reason:
                run.tags({"leukolens.pruned": str(reason)})
                return unfinished("pruned", str(reason))
            log_trial(run, outcome, experiment, {"sweep": plan.name, "trial": trial.name})
            shutil.rmtree(work, ignore_errors=True)
            return outcome.result
    # The others go on, whatever is wrong with this one; the table says what it was.
    except Exception as error:
        if full_disk(error) is not None:  # the others would find no room either
            raise
        return unfinished("failed", f"{type(error).__name__}: {error}")


def _experiment(trial: Trial, plan: Plan, sets: Mapping[str, FrozenSet]) -> Experiment:
    """Give what a trial learns from, with the features of a frozen backbone."""
    by_head = isinstance(trial.recipe, MlpHead)
    # A head of several layers asks for no slides, and to infer them takes a while.
    slides = {} if by_head else plan.slides
    experiment = Experiment(trial.backbone, trial.recipe, plan.manifest, plan.fields, slides, plan.hide_corner)
    return replace(experiment, computed=sets[trial.backbone]) if by_head else experiment.with_features(None, plan.cache)


def log_best_trials(run: tracking.Run, results: Sequence[TrialResult]) -> None:
    """Name the best trial of each protocol, by what trials are compared by."""
    best: dict[str, TrialResult] = {}
    for result in ranked(list(results)):
        if result.status == "finished":
            best.setdefault(result.trial.protocol, result)
    run.tags({f"best_trial.{protocol}": result.trial.name for protocol, result in best.items()})
    run.metrics(
        {f"best_balanced_accuracy/{name}": result.choice for name, result in best.items() if result.choice is not None}
    )
