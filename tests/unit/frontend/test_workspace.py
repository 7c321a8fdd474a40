from frontend.workspace import Workspace


def test_the_same_bytes_are_one_field():
    workspace = Workspace(limit_bytes=100)
    assert workspace.add("a.png", b"x") is workspace.add("b.png", b"x")
    assert len(workspace.fields) == 1


def test_files_beyond_the_limit_are_refused_with_a_reason():
    workspace = Workspace(limit_bytes=100)
    workspace.add("a.png", bytes(80))
    refused = workspace.add("b.png", bytes(30))
    assert refused.state == "refused"
    assert refused.data is None
    assert "no room" in refused.problem
    assert workspace.held_bytes == 80


def test_answered_files_make_room_for_new_ones_oldest_first():
    workspace = Workspace(limit_bytes=100)
    old, new = workspace.add("a.png", bytes(40)), workspace.add("b.png", bytes(41))
    old.state = new.state = "answered"
    assert workspace.add("c.png", bytes(50)).state == "waiting"
    assert old.data is None
    assert new.data is not None


def test_a_field_without_an_answer_is_asked_again():
    workspace = Workspace(limit_bytes=100)
    field = workspace.add("a.png", b"x")
    field.state, field.problem = "unanswered", "No answer."
    workspace.ask_again()
    assert (field.state, field.problem) == ("waiting", "")


def test_forgetting_some_keeps_the_others():
    workspace = Workspace(limit_bytes=100)
    refused, kept = workspace.add("a.png", b"x"), workspace.add("b.png", b"y")
    refused.state = "refused"
    workspace.forget("refused")
    assert list(workspace.fields.values()) == [kept]
    workspace.forget()
    assert workspace.fields == {}
