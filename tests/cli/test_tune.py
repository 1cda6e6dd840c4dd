import pandas

from property_models import load
from tests.toy import toy_texts


def test_the_best_of_the_trials_is_saved(cli_json, tmp_path):
    texts = toy_texts(120, seed=7)
    pandas.DataFrame({"text": texts, "length": [len(text) for text in texts]}).to_csv(tmp_path / "t.csv", index=False)
    document = cli_json(
        "tune", "length", tmp_path / "t.csv", "--value", "length", "--trials", "3", "--output", tmp_path / "length"
    )
    assert document["report"]["trials"] == 3
    head = load(tmp_path / "length", space=None)
    assert head.kind == document["head"]["kind"]
    assert head.get_params() == document["head"]["parameters"]
