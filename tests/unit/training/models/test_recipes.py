"""Each method has its own settings alone, whoever reads them, and one default of each."""

import subprocess
import sys

import pytest

from training.cli import main
from training.models.recipes import METHODS, FineTuning, LinearProbe, MlpHead, read_recipe, settings_of


def test_recipes_load_no_tensorflow() -> None:
    found = "import sys, training.models.recipes; print(*{'tensorflow', 'keras', 'sklearn'} & set(sys.modules))"
    printed = subprocess.run([sys.executable, "-c", found], capture_output=True, text=True, check=True).stdout
    assert printed.split() == []


def test_a_record_holds_what_was_used_and_nothing_else() -> None:
    linear = {"method", "c", "copies", "copy_weight", "ood_copy_weight", "seed"}
    assert set(LinearProbe().record()) == linear
    assert MlpHead(optimizer="sgd").record()["learning_rate"] == 0.01
    assert "weight_decay" in FineTuning().record()
    assert "weight_decay" not in FineTuning(optimizer="sgd").record()


@pytest.mark.parametrize("method", METHODS)
def test_every_setting_reads_back_as_it_was_recorded(method: type[LinearProbe | MlpHead | FineTuning]) -> None:
    backbone = "vgg16" if method is MlpHead else "efficientnet-lite0"
    recorded = method().record()
    given = {name: str(recorded[name.replace("-", "_")]) for name in settings_of(method)}
    assert read_recipe(backbone, frozen=method.frozen, given=given) == method()


@pytest.mark.parametrize("command", [["train", "--data", "nowhere"], ["crossvalidate", "--data", "nowhere"]])
@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--frozen", "--epochs", "9"], "--epochs: efficientnet-lite0 --frozen is a linear head on a frozen backbone"),
        (["--frozen", "--optimizer", "adamw"], "it takes --seed, --c, --copies, --copy-weight, --ood-copy-weight"),
        (["--frozen", "--backbone", "vgg16", "--optimizer", "adamw"], "allowed: adam, sgd, rmsprop (vgg16 --frozen)"),
        (["--c", "1"], "--c: efficientnet-lite0 is fine-tuning, which has no such setting"),
        (["--epochs", "0"], "--epochs 0: not allowed; allowed: 1 to 1000"),
        (["--batch-size", "0"], "--batch-size 0: not allowed; allowed: 1 to 1024"),
        (["--optimizer", "lion"], "--optimizer lion: not allowed; allowed: adam, adamw, rmsprop, sgd"),
    ],
)
def test_what_a_method_does_not_take_is_refused_in_a_line(
    command: list[str], options: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*command, *options]) == 2
    told = capsys.readouterr().err
    assert said in told
    assert len(told.splitlines()) == 1
