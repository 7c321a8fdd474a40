import pytest

from frontend.documents.visual_order import visual_order


def seen(line: str) -> str:
    return "".join(letter for letter, _from_right in visual_order(line))


@pytest.mark.parametrize(
    ("read", "expected"),
    [
        ("", ""),
        ("Case 12", "Case 12"),
        ("car means אבג.", "car means גבא."),
        ("אבג 12.5 דה", "הד 12.5 גבא"),  # W4: the point is the number's
        ("אב 5%", "5% בא"),  # W5
        ("مر 5,7 ب", "ب 5,7 رم"),  # W2: after Arabic letters, digits count as Arabic numbers
        ("اب (ج)", "(ج) با"),  # N0 and L4
        ("a (אב) c", "a (בא) c"),
        ("אב (a)", "בא (a)"),
        ("אב <ג> ד", "ד <ג> בא"),
        ("אב  ", "בא  "),  # L1
        ("m\u0301אב", "m\u0301בא"),  # W1
        ("א/ב/ג.png", "ג/ב/א.png"),
    ],
)
def test_a_line_that_runs_from_left_to_right(read: str, expected: str):
    """By hand, from the rules of UAX #9."""
    assert seen(read) == expected


def test_every_letter_is_there_once_whatever_the_line():
    line = "Fall 7 (محمد) [לאה] 12,5 % <x> )(" * 3
    assert sorted(seen(line).translate(str.maketrans("<>()[]", "      "))) == sorted(
        line.translate(str.maketrans("<>()[]", "      "))
    )
