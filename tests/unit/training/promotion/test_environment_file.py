import tomllib

import pytest

from infra.environments import ENVIRONMENTS
from training.promotion import environment_file
from training.promotion.command import PromotionError

SHA, OTHER = "a" * 64, "b" * 64


@pytest.mark.parametrize("name", ["dev", "staging", "prod"])
def test_there_and_back_leaves_every_shipped_file_as_it_was(name: str):
    text = (ENVIRONMENTS / f"{name}.toml").read_text()
    named = environment_file.with_model(text, "s3://bucket/models/a", SHA)
    assert tomllib.loads(named) == tomllib.loads(text) | {"model": {"uri": "s3://bucket/models/a", "sha256": SHA}}
    assert environment_file.without_model(named) == text


def test_a_named_model_is_changed_in_place_and_comments_stay():
    text = f'a = 1 # one\n\n[model]\n# ours\nuri = "file:///x" # from here\nsha256 = "{SHA}"\n\n# next\n[b]\nc = 2\n'
    changed = environment_file.with_model(text, "s3://bucket/y", OTHER)
    assert changed == text.replace("file:///x", "s3://bucket/y").replace(SHA, OTHER)


def test_the_comment_of_the_next_table_is_not_the_models():
    text = f'a = 1\n\n[model]\nuri = "file:///x"\nsha256 = "{SHA}"\n\n# next\n[b]\nc = 2\n'
    assert environment_file.without_model(text) == "a = 1\n\n# next\n[b]\nc = 2\n"


def test_a_file_without_a_model_stays_as_it_is():
    assert environment_file.without_model("a = 1\n") == "a = 1\n"


def test_what_cannot_be_taken_out_safely_is_left_to_a_person():
    with pytest.raises(PromotionError, match="by hand"):
        environment_file.without_model('model = { uri = "file:///x" }\n')
