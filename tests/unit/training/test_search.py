"""A search beyond a grid: what is drawn, kept, given up and gone on with, and the page that compares it."""

import re
import sqlite3
from pathlib import Path

import numpy as np
import pytest
import sqlalchemy

from training import sweep_run, sweep_search, sweep_trials
from training.cli import main
from training.data.synthetic import write_dataset
from training.models.recipes import FineTuning
from training.models.space import SpaceError, Span, read_space
from training.sweep_report import SweepReport

SPACE = """
backbone = "tiny"
optimizer = ["adam", "rmsprop"]
batch-size = {low = 8, high = 32, log = true}
epochs = {low = 1, high = 4}
"""


@pytest.fixture(scope="module")
def smears(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Draw 15 fields a label; read only."""
    folder = tmp_path_factory.mktemp("smears")
    write_dataset(folder, per_class=15, seed=5, size=96, fields_per_slide=3)
    return folder


@pytest.fixture
def here(tiny_backbone: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Work in a folder with a space, where nothing is tracked."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LEUKOLENS_TRACKING", "off")
    (tmp_path / "space.toml").write_text(SPACE)
    return tmp_path


def report_of(folder: Path) -> SweepReport:
    return SweepReport.model_validate_json((folder / "runs" / "sweep" / "sweep.json").read_bytes())


def test_a_search_goes_on_where_it_was_cut_off(smears: Path, here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    command = ["sweep", "--frozen", "--data", str(smears), "--search", "tpe", "--space", "space.toml", "--trials"]
    run_trial, tried = sweep_trials.run_trial, []

    def cut_off(trial: sweep_trials.Trial, *given: object) -> object:
        if len(tried) == 2:
            raise KeyboardInterrupt
        tried.append(trial)
        return run_trial(trial, *given)  # type: ignore[arg-type]

    monkeypatch.setattr(sweep_search, "STARTUP_TRIALS", 2)  # so that those that follow draw on what was seen
    with monkeypatch.context() as patched:
        patched.setattr(sweep_run, "run_trial", cut_off)
        assert main([*command, "4"]) == 130
    kept = report_of(here).results
    assert [one.trial for one in kept] == tried
    assert main([*command, "4"]) == 0
    results = report_of(here).results
    assert results[:2] == kept  # their very seconds: they did not run again
    assert 2 < len(results) <= 4
    for one in results:
        assert (one.trial.backbone, one.trial.protocol) == ("tiny", "contiguous")
        assert one.trial.optimizer in ("adam", "rmsprop")
        assert 8 <= one.trial.batch_size <= 32
        assert 1 <= one.trial.epochs <= 4
        assert one.status in ("finished", "pruned")
    page = (here / "runs" / "sweep" / "sweep.html").read_text()
    assert page.count("<tr><td>tiny") == len(results)
    assert "<svg" in page
    assert not re.findall(r"""(?:src|href)=["'](?!#|data:)""", page), "it asks for nothing from elsewhere"
    assert "($0.230 an hour)" in page


class _Guess:
    """A head that calls everything the first class, or knows how the next fold begins."""

    def __init__(self, *, good: bool) -> None:
        self.good = good

    def logits(self, embeddings: np.ndarray) -> np.ndarray:
        # Fields of a fold come class by class, as many of each.
        classes = np.arange(len(embeddings)) * 4 // len(embeddings)
        return np.asarray(np.eye(4)[classes if self.good else np.zeros(len(embeddings), int)])


def test_a_study_for_which_there_is_no_room_is_one_line_and_goes_on_later(
    smears: Path, here: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sweep_trials, "fit_head", lambda *_: _Guess(good=True))  # a disk fills by results, of any head
    command = ["sweep", "--frozen", "--data", str(smears), "--search", "random", "--space", "space.toml", "--trials"]
    assert main([*command, "1"]) == 0
    kept = report_of(here).results

    def limit(connection: sqlite3.Connection, _: object) -> None:
        (pages,) = connection.execute("PRAGMA page_count").fetchone()
        connection.execute(f"PRAGMA max_page_count = {pages}")

    sqlalchemy.event.listen(sqlalchemy.Engine, "connect", limit)
    try:
        assert main([*command, "30"]) == 1
    finally:
        sqlalchemy.event.remove(sqlalchemy.Engine, "connect", limit)
    said = capsys.readouterr().err.splitlines()[-1]
    assert said == "sweep: the disk is full: make room, then give the same command again"
    begun = report_of(here).results
    assert begun[:1] == kept
    assert main([*command, str(len(begun) + 1)]) == 0
    assert report_of(here).results[: len(begun)] == begun


@pytest.mark.slow
def test_the_whole_network_is_searched_by_the_same_file(
    smears: Path, here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (here / "space.toml").write_text(
        'backbone = "tiny"\nlearning-rate = {low = 1e-4, high = 1e-2, log = true}\nepochs = 1\n'
        "batch-size = [16, 32]\nlabel-smoothing = {low = 0, high = 0.1}\n"
    )
    options = ["--search", "tpe", "--space", "space.toml", "--trials", "2", "--protocol", "holdout"]
    assert main(["sweep", "--data", str(smears), *options]) == 0
    results = report_of(here).results
    assert [one.status for one in results] == ["finished", "finished"]
    for one in results:
        recipe = one.trial.recipe
        assert isinstance(recipe, FineTuning)
        assert 1e-4 <= recipe.learning_rate <= 1e-2
        assert 0 <= recipe.label_smoothing <= 0.1
        assert recipe.batch_size in (16, 32)
    table = (here / "runs" / "sweep" / "sweep.md").read_text()
    assert "learning-rate 0.0" in table
    assert "learning rate" in (here / "runs" / "sweep" / "sweep.html").read_text()
    assert not list((here / "runs" / "sweep").glob(".sweep-work/*")), "checkpoints of trials that are done are gone"


def test_what_falls_behind_is_given_up(smears: Path, here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    begun: list[int] = []

    def fit(*_: object) -> _Guess:
        begun.append(1)
        return _Guess(good=len(begun) <= 25)  # five good trials of five folds, then bad ones

    monkeypatch.setattr(sweep_trials, "fit_head", fit)
    options = ["--search", "random", "--space", "space.toml", "--trials", "8", "--set", "seed=3"]
    assert main(["sweep", "--frozen", "--data", str(smears), *options]) == 0
    results = report_of(here).results
    pruned = [one for one in results if one.status == "pruned"]
    assert pruned
    assert all("after fold contiguous-1" in (one.error or "") for one in pruned)
    assert len(begun) == 25 + len(pruned), "one fold each, and no more"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("optimiser = ['adam']", "optimiser is no setting; did you mean optimizer?"),
        ("optimizer = ['lion']", "not allowed; allowed: adam, adamw, rmsprop, sgd"),
        ("optimizer = {low = 1, high = 2}", "optimizer has no range"),
        ("epochs = {low = 3}", "write a range as {low = 8, high = 64}"),
        ("epochs = {low = 9, high = 3}", "the lower end first"),
        ("epochs = {low = 'a', high = 3}", "both ends of a range are numbers"),
        ("epochs = {low = 0, high = 3}", "epochs 0: not allowed"),
        ("label-smoothing = {low = 0, high = 0.1, log = true}", "a range above 0"),
        ("epochs = []", "epochs has no value"),
        ("", "it holds nothing to try"),
        ("epochs =", "no TOML file"),
    ],
)
def test_a_space_that_cannot_be_searched_is_one_line(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "space.toml").write_text(text)
    with pytest.raises(SpaceError) as refused:
        read_space(tmp_path / "space.toml")
    assert said in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_space_has_values_and_ranges(tmp_path: Path) -> None:
    (tmp_path / "space.toml").write_text(SPACE.replace("tiny", "vgg16"))
    assert read_space(tmp_path / "space.toml") == {
        "backbone": ("vgg16",),
        "optimizer": ("adam", "rmsprop"),
        "batch-size": Span(8, 32, log=True, whole=True),
        "epochs": Span(1, 4, log=False, whole=True),
    }


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--search", "tpe"], "--trials: --search tpe needs to know how many"),
        (["--trials", "3"], "--trials: a grid tries every combination"),
        (["--search", "tpe", "--trials", "2", "--protocol", "random", "--protocol", "holdout"], "compares by one"),
        (["--space", "range.toml"], "epochs: a grid takes values"),
        (
            ["--search", "tpe", "--trials", "2", "--space", "whole.toml"],
            "--learning-rate: tiny --frozen is an MLP head on a frozen backbone",
        ),
    ],
)
def test_options_that_exclude_each_other_are_one_line(
    here: Path, options: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (here / "range.toml").write_text("epochs = {low = 1, high = 4}")
    (here / "whole.toml").write_text("backbone = 'tiny'\nlearning-rate = {low = 1e-4, high = 1e-2}")
    assert main(["sweep", "--frozen", "--data", "smears", *options]) == 2
    assert said in capsys.readouterr().err.splitlines()[-1]
    assert not (here / "runs" / "sweep").exists()
