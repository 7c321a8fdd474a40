from frontend.evaluation import charts
from frontend.evaluation.evidence import Protocol, read
from tests.unit.frontend.evaluation import sample

INK = "#000000"


def rows(chart: object) -> list[dict[str, object]]:
    """Give the data of every layer, as the browser gets it."""
    return [row for part in chart.to_dict()["datasets"].values() for row in part]  # type: ignore[attr-defined]


def test_the_model_is_drawn_beside_its_folds_and_the_shortcuts_of_the_same_protocol():
    drawn = rows(charts.beside_shortcuts(read(sample.as_json()), "contiguous", INK))
    by_name = {row["name"]: row for row in drawn if "low" in row}
    assert by_name[charts.MODEL]["value"] == sample.SCORES["contiguous"]
    assert by_name[charts.MODEL]["low"] < by_name[charts.MODEL]["high"]
    assert by_name["Mean colour"]["value"] == sample.SHORTCUTS["mean_colour"]
    assert [row["fold"] for row in drawn if "fold" in row] == [f"contiguous-{n}" for n in range(1, 6)]


def test_every_count_of_the_confusion_matrix_is_drawn():
    protocol = read(sample.as_json()).protocols["slides"]
    drawn = rows(charts.confusion(protocol, sample.LABELS, INK))
    assert sum(row["count"] for row in drawn) == sum(map(sum, protocol.confusion))


def test_a_long_curve_is_thinned_and_keeps_its_ends():
    curve = [(n / 5000, n / 50_000) for n in range(1, 5001)]
    drawn = rows(charts.risk_coverage(Protocol(risk_coverage=curve), INK))
    assert len(drawn) <= charts.CURVE_POINTS + 1
    assert (drawn[0]["answered"], drawn[-1]["answered"]) == (curve[0][0], curve[-1][0])


def test_reliability_and_robustness_are_charts_that_a_browser_can_draw():
    evidence = read(sample.as_json())
    bins = rows(charts.reliability(evidence.protocols["contiguous"], INK))
    assert len([row for row in bins if "count" in row]) == len(evidence.protocols["contiguous"].reliability)
    assert next(row["name"] for row in rows(charts.robustness(evidence, INK))) == "Not changed"
