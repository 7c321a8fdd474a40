"""A laboratory's own classes on a frozen base: from a folder of drawn images to a model that answers."""

import base64
import io
import json
import shutil
from pathlib import Path

import pytest
from settings import Settings

from api.app import Application
from inference import load, read_card
from tests.contract.gateway import Answered, event, read
from tests.drawn_cells import draw
from training.cli import main
from training.data.dataset import list_fields

DEFAULT = Path(__file__).parents[3] / "models" / "default"
PER_CLASS, PATIENTS = 16, 4


def write_cells(folder: Path, kinds: tuple[str, ...] = ("round", "lobed", "square")) -> Path:
    """Write ``<class>/<patient>/<file>``, files without a number of their own."""
    for kind in kinds:
        for place in range(PER_CLASS):
            patient = folder / kind / f"patient {'ABCD'[place % PATIENTS]}"
            patient.mkdir(parents=True, exist_ok=True)
            draw(kind, place).save(patient / f"cell-{'abcdefghijklmnop'[place]}.png")
    return folder


TRIAGE = """
[[classes]]
id = "round"
name = "round cell"
triage = "malignant"
[[classes]]
id = "lobed"
name = "lobed cell"
triage = "benign"
[[classes]]
id = "square"
name = "square cell"
triage = "benign"
"""


def ask(service: Application, path: str, body: bytes, kind: str, request: str = "r") -> Answered:
    return read(service(event("POST", path, body=body, content_type=kind, request_id=request), None))


def png(kind: str, seed: int) -> bytes:
    buffer = io.BytesIO()
    draw(kind, seed).save(buffer, "PNG")
    return buffer.getvalue()


@pytest.fixture(scope="module")
def collected(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Label drawn cells through the API, as the page does, and collect them into a folder by the command."""
    place = tmp_path_factory.mktemp("loop")
    service = Application(Settings(feedback_bucket=(place / "kept").as_uri()))
    for kind in ("round", "lobed", "square"):
        for number in range(PER_CLASS):
            request = f"{kind}{number}"
            assert ask(service, "/v1/predictions", png(kind, number), "image/png", request).status == 200
            label = {
                "request_id": request,
                "label": kind,
                "own_class": True,
                "specimen": f"specimen {number % PATIENTS}",
                "consent": True,
                "image_base64": base64.b64encode(png(kind, number)).decode(),
            }
            assert ask(service, "/v1/feedback", json.dumps(label).encode(), "application/json").status == 201
    assert main(["collect", str(place / "kept"), "--output", str(place / "set")]) == 0
    (place / "set" / "classes.toml").write_text(TRIAGE)
    return place / "set"


@pytest.fixture(scope="module")
def adapted(collected: Path) -> Path:
    """Give the model that the command makes of them, on the shipped base."""
    output = collected.parent / "mine"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LEUKOLENS_TRACKING", "off")
        patch.chdir(collected.parent)
        assert main(["adapt", str(collected), "--base", str(DEFAULT), "--output", str(output)]) == 0
    return output


def test_the_model_answers_in_the_laboratorys_own_classes(adapted: Path) -> None:
    """Labelled by the API, collected, adapted and served: it tells cells that nobody has labelled."""
    service = Application(Settings(model_dir=adapted))
    kinds = ("round", "lobed", "square")
    answers = [ask(service, "/v1/predictions", png(kind, 100), "image/png").body for kind in kinds]
    assert [max(one["probabilities"], key=one["probabilities"].get) for one in answers] == list(kinds)
    assert [one["triage"]["result"] for one in answers] == ["malignant", "benign", "benign"]
    model = load(adapted)
    assert [one.name for one in model.card.classes] == ["round cell", "lobed cell", "square cell"]
    assert model.predict(png("round", 101), explain=True).heatmap_png


def test_its_card_tells_what_it_is_worth_on_patients_left_out(adapted: Path) -> None:
    card = read_card(adapted)
    assert card.evaluation["headline"].startswith("Balanced accuracy")
    assert "on 4 specimens left out" in card.evaluation["headline"]
    (result,) = card.evaluation["protocols"].values()
    assert result["images"] == 3 * PER_CLASS
    assert result["metrics"]["malignant_auroc"]["value"] > 0.95
    assert set(card.evaluation["learning_curve"]["expected_with_more_images"]) == {"25", "50", "100"}
    assert card.training["parity"]["agreement"] == 1.0
    assert card.triage is not None


def test_the_laboratory_of_the_base_is_turned_away(adapted: Path) -> None:
    samples = sorted((Path(__file__).parents[3] / "samples").glob("*.png"))[:4]
    assert samples
    model = load(adapted)
    assert [model.predict(path.read_bytes()).verdict for path in samples] == ["out_of_distribution"] * len(samples)


def refused(folder: Path, capsys: pytest.CaptureFixture[str], *more: str) -> str:
    """Run ``adapt`` on a folder that it must refuse; give the line."""
    output = folder.parent / "refused"
    assert main(["adapt", str(folder), "--base", str(DEFAULT), "--output", str(output), *more]) == 2
    assert not output.exists()
    told = capsys.readouterr().err.strip().splitlines()
    assert len([line for line in told if line.startswith("adapt: ")]) == 1
    return next(line for line in told if line.startswith("adapt: "))


@pytest.fixture
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("LEUKOLENS_TRACKING", "off")
    monkeypatch.chdir(tmp_path)
    return write_cells(tmp_path / "own", ("round", "lobed"))


def test_a_dry_run_tells_what_would_be_learnt_from(own: Path, capsys: pytest.CaptureFixture[str]) -> None:
    asked = ["adapt", "--data", str(own), "--base", str(DEFAULT), "--output", "mine", "--dry-run"]
    kept = read_card(DEFAULT).labels  # where they are to stay
    for more, labels in (([], ("lobed", "round")), (["--add-to-base"], (*kept, "lobed", "round"))):
        assert main([*asked, *more]) == 0
        rows = dict(line.split("  ", 1) for line in capsys.readouterr().out.splitlines())
        assert rows["images"].strip() == f"lobed {PER_CLASS}, round {PER_CLASS}"
        assert rows["classes of the model"].strip() == ", ".join(labels)
    assert not Path("mine").exists()


def test_a_class_of_nine_images_is_refused(own: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for path in sorted((own / "lobed").rglob("*.png"))[9:]:
        path.unlink()
    assert "too few images of lobed (9): 10 of a class are needed" in refused(own, capsys)


def test_one_class_alone_is_refused(own: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shutil.rmtree(own / "lobed")
    assert "holds one class, round: a model tells at least two apart" in refused(own, capsys)


def test_one_patient_holding_all_of_a_class_is_refused(own: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for path in sorted((own / "round").rglob("*.png")):
        path.rename(own / "round" / "patient A" / path.name)
    shutil.rmtree(own / "round" / "patient B")
    told = refused(own, capsys)
    assert "every image of round is of one folder, patient A" in told


def test_the_same_image_under_two_labels_is_refused(own: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shutil.copy(own / "round" / "patient A" / "cell-a.png", own / "lobed" / "patient A" / "cell-z.png")
    assert "the same image under two labels" in refused(own, capsys)


def test_an_unreadable_image_is_refused(own: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (own / "round" / "patient A" / "cell-a.png").write_bytes(b"no image")
    assert "unreadable image: round/patient A/cell-a.png" in refused(own, capsys)


@pytest.mark.parametrize("name", ["\N{MICROSCOPE}", "x" * 200, "\u0637\u0628\u064a\u0639\u064a"])
def test_a_folder_that_is_no_label_is_refused(own: Path, capsys: pytest.CaptureFixture[str], name: str) -> None:
    (own / "round").rename(own / name)
    assert "list it in classes.toml with an id" in refused(own, capsys)


@pytest.mark.parametrize("name", ["\N{MICROSCOPE}", "x" * 200, "\u0637\u0628\u064a\u0639\u064a", "a b"])
def test_a_folder_of_any_name_is_a_class_that_the_list_gives_an_id(own: Path, name: str) -> None:
    (own / "round").rename(own / name)
    listed = TRIAGE.split('[[classes]]\nid = "square"')[0].replace(
        '"round cell"', f'"round cell"\naliases = ["{name}"]'
    )
    (own / "classes.toml").write_text(listed, encoding="utf-8")
    assert {one.label for one in list_fields(own).images} == {"round", "lobed"}


def test_what_is_there_stays_when_a_folder_is_refused(own: Path, capsys: pytest.CaptureFixture[str]) -> None:
    output = own.parent / "before"
    shutil.copytree(DEFAULT, output)
    before = {path.name: path.read_bytes() for path in output.iterdir()}
    shutil.rmtree(own / "lobed")
    assert main(["adapt", str(own), "--base", str(DEFAULT), "--output", str(output)]) == 2
    assert "holds one class" in capsys.readouterr().err
    assert {path.name: path.read_bytes() for path in output.iterdir()} == before


def test_fifty_one_classes_are_refused(own: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for number in range(50):
        (own / f"kind-{number}").mkdir()
        shutil.copy(own / "round" / "patient A" / "cell-a.png", own / f"kind-{number}" / "cell.png")
    assert "52 class folders, where a model tells at most 50 apart" in refused(own, capsys)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        (TRIAGE, "names square, and no folder of that name or alias holds an image"),
        (TRIAGE.replace('"square"', '"a/b"'), r"classes.2.id"),
        ("", "classes.toml: classes"),
        (TRIAGE.replace('"lobed"', '"lobe"').split('[[classes]]\nid = "square"')[0], "which is no class folder"),
    ],
)
def test_classes_that_are_not_there_are_refused(
    own: Path, capsys: pytest.CaptureFixture[str], text: str, complaint: str
) -> None:
    (own / "classes.toml").write_text(text)
    assert complaint in refused(own, capsys)


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"backbone": "vgg16"}, "is a vgg16, on which no own head can be put"),
        ({"input": {"height": 256, "width": 256}}, "takes images of 256 x 256, and its network 224 x 224"),
        ({"classes": [{"id": f"c{n}", "name": "c"} for n in range(51)]}, "classes"),
    ],
)
def test_a_base_that_is_none_is_refused(
    own: Path, capsys: pytest.CaptureFixture[str], changes: dict[str, object], complaint: str
) -> None:
    base = own.parent / "base"
    base.mkdir()
    card = json.loads((DEFAULT / "model.json").read_text())
    (base / "model.json").write_text(json.dumps(card | changes))
    assert complaint in refused(own, capsys, "--base", str(base))


def test_a_base_without_statistics_cannot_be_added_to(own: Path, capsys: pytest.CaptureFixture[str]) -> None:
    base = own.parent / "base"
    base.mkdir()
    card = json.loads((DEFAULT / "model.json").read_text())
    card["training"].pop("statistics", None)
    (base / "model.json").write_text(json.dumps(card))
    assert "has no statistics.npz" in refused(own, capsys, "--base", str(base), "--add-to-base")


def test_the_base_itself_is_no_place_to_write_to(own: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["adapt", str(own), "--base", "some", "--output", "./some"]) == 2
    assert "is the base itself: name another folder" in capsys.readouterr().err
