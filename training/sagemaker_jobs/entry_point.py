"""The entry point of a SageMaker training job: ``python -m training.sagemaker_jobs.entry_point``.

Trains on the channel ``train``, or adapts the model of the channel ``base`` to it, writes the model folder where
SageMaker packs model.tar.gz, goes on from the checkpoint of a training that was cut off, logs to MLflow, and prints a
line for each measure, which SageMaker's tuner reads::

    metric: val_balanced_accuracy=0.973 epoch=3

Ends with 0; with 2 where whoever started it has to change something, with 143 where it was told to stop after keeping
the last whole epoch, with 1 for anything else. The first line of the failure file says why, and what to do.
"""

import os
import shutil
import sys
import tempfile
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

from inference import ModelError
from training import tracking
from training.sagemaker_jobs.job_environment import (
    JOB_TAG,
    ROOT,
    Adapting,
    Interrupted,
    JobSettings,
    SecretError,
    SettingsError,
    Stop,
    describe,
    log_in,
)
from training.sagemaker_jobs.plan import OBJECTIVE

TRAINED, FAILED, REFUSED, STOPPED = 0, 1, 2, 128 + 15
_MAX_REASON = 1024
"""Characters of the failure file that SageMaker shows."""


def main(arguments: list[str] | None = None) -> int:
    """Run the job; gives the exit code."""
    # The base folder's name is that of SageMaker's own toolkit.
    root = Path(os.environ.get("SAGEMAKER_BASE_DIR", ROOT))
    failure = Path(os.environ.get("SM_OUTPUT_FAILURE", root / "output" / "failure"))
    stop = Stop()
    stop.listen()
    try:
        # SageMaker appends the word "train" to the command of an image that it starts bare.
        job_arguments = [word for word in (sys.argv[1:] if arguments is None else arguments) if word != "train"]
        settings = JobSettings.read(os.environ, job_arguments, root)
        log_in()
        return _run(settings, stop)
    except (SettingsError, SecretError) as error:
        return _fail(failure, str(error), REFUSED)
    except Interrupted:
        sys.stdout.write("job: told to stop; the next start goes on from the last whole epoch, where one was kept\n")
        return STOPPED
    # The outermost place: whatever it was, SageMaker shows the failure file and not the log.
    except Exception as error:  # noqa: BLE001
        traceback.print_exc()
        return _fail(failure, *_reason(error))


def _run(settings: JobSettings, stop: Stop) -> int:
    if settings.adapting is not None:
        _adapt_and_log(settings, settings.adapting)
        return TRAINED
    # Only now: TensorFlow takes ten seconds, and settings that are refused need none of it.
    from training.models.distribution import Hosts, choose, leave_together

    hosts = Hosts(settings.host, settings.hosts)
    strategy = choose(hosts)
    sys.stdout.write(f"job: {strategy.num_replicas_in_sync} device(s) on {len(hosts.every)} instance(s)\n")
    if hosts.is_chief:
        _train_and_log(settings, strategy, stop)
    else:
        _train_as_worker(settings, strategy, stop)
    leave_together(strategy, hosts)
    return TRAINED


def _train_and_log(settings: JobSettings, strategy: Any, stop: Stop) -> None:
    """Train as the chief, which writes and logs."""
    name = os.environ.get("TRAINING_JOB_NAME", "job")
    recipe = settings.recipe
    parameters = {"backbone": settings.backbone, **recipe.record(), "frozen": recipe.frozen}
    parameters["devices"] = strategy.num_replicas_in_sync
    journals = settings.output / "tracking"
    with (
        tempfile.TemporaryDirectory() as folder,
        tracking.run(name, parameters=parameters, tags=describe(), folder=journals, resume_tag=JOB_TAG) as run,
    ):

        def log_epoch(measures: dict[str, float], epoch: int) -> None:
            print_measures(measures, epoch)
            run.epoch(epoch, measures)

        model_folder = Path(folder, "model")
        _train(settings, strategy, stop, log_epoch, model_folder, settings.checkpoints, run)
        _copy_model(model_folder, settings.model)


def _adapt_and_log(settings: JobSettings, adapting: Adapting) -> None:
    """Make a model of the fields' own classes on the base's network: some minutes, which nobody goes on with."""
    from training.adaptation import adapt

    name = os.environ.get("TRAINING_JOB_NAME", "job")
    pattern = adapting.group_pattern
    parameters = {"command": "adapt", "add_to_base": adapting.add_to_base, "group_pattern": pattern or ""}
    journals = settings.output / "tracking"
    with (
        tempfile.TemporaryDirectory() as folder,
        tracking.run(name, parameters=parameters, tags=describe(), folder=journals, resume_tag=JOB_TAG) as run,
    ):
        model_folder = Path(folder, "model")
        card = adapt(settings.data, adapting.base, model_folder, pattern, run, add_to_base=adapting.add_to_base)
        (result,) = card.evaluation["protocols"].values()
        sys.stdout.write(f"metric: {OBJECTIVE}={result['metrics']['balanced_accuracy']['value']:.6g}\n")
        _copy_model(model_folder, settings.model)


def _copy_model(source: Path, target: Path) -> None:
    """Copy a model folder; its card goes last, since a model is whole when its card is there."""
    # Not moved: SageMaker's folders may be file systems of their own.
    target.mkdir(parents=True, exist_ok=True)
    for part in sorted(source.iterdir(), key=lambda path: path.suffix == ".json"):
        shutil.copy2(part, target)


def _train_as_worker(settings: JobSettings, strategy: Any, stop: Stop) -> None:
    """Train as another instance: starts from the same checkpoint, and writes nothing that is kept."""
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder, "work")
        if settings.checkpoints.is_dir():
            shutil.copytree(settings.checkpoints, work)
        _train(settings, strategy, stop, lambda measures, epoch: None, Path(folder, "model"), work)


def _train(
    settings: JobSettings,
    strategy: Any,
    stop: Stop,
    on_epoch: Callable[[dict[str, float], int], None],
    output: Path,
    work: Path,
    run: tracking.Run | None = None,
) -> None:
    from training.experiment import TrainingRequest, train
    from training.models.epoch_measures import Epochs

    with strategy.scope():
        request = TrainingRequest(
            settings.data, settings.backbone, settings.recipe, output, work, external=settings.external
        )
        train(request, lambda held_out: [Epochs(held_out, on_epoch, stop)], run)


def print_measures(measures: dict[str, float], epoch: int) -> None:
    """Print one line a measure, as the launcher's metric definitions expect it."""
    for name, value in measures.items():
        sys.stdout.write(f"metric: {name}={value:.6g} epoch={epoch}\n")
    sys.stdout.flush()


def _reason(error: Exception) -> tuple[str, int]:
    """Say in one line what ended the job, and whether whoever started it can help it."""
    message = " ".join(str(error).split()) or "no message"
    # Of these, those of ours say what to change: the data, the batch size, the learning rate.
    if isinstance(error, ValueError | ArithmeticError | ModelError):
        return message, REFUSED
    return f"{type(error).__name__}: {message} (the place is in the job's log: python -m training logs)", FAILED


def _fail(path: Path, reason: str, code: int) -> int:
    sys.stderr.write(f"job: {reason}\n")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"{reason}\n"[:_MAX_REASON], encoding="utf-8")
    return code


if __name__ == "__main__":
    sys.exit(main())
