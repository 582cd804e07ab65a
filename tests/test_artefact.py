"""A saved classifier is whole, answers as before in a new process, and is refused when it was altered."""

import json
import subprocess
import sys

import pytest
import torch

from helpers import artefact
from helpers.artefact import Artefact, ArtefactError
from helpers.model import TextClassifier
from helpers.text import Vocabulary

TEXTS = ["the plot was not dull , it was gripping", "", "never seen words", "很好 👍"]


@pytest.fixture
def saved(tmp_path):
    torch.manual_seed(0)
    vocabulary = Vocabulary.build(TEXTS, 20)
    one = Artefact(TextClassifier(len(vocabulary), 6, 9).eval(), vocabulary, 40, metrics={"accuracy": 0.5})
    artefact.save(one, tmp_path / "classifier")
    return one, tmp_path / "classifier"


def test_a_new_process_gives_bit_equal_probabilities(saved):
    one, folder = saved
    code = (
        "import sys, json; from helpers import artefact;"
        "frame = artefact.load(sys.argv[1]).predict(json.loads(sys.argv[2]));"
        "print(json.dumps([p.hex() for p in frame['positive'].astype(float)]))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(folder), json.dumps(TEXTS)],
        capture_output=True,
        text=True,
        check=True,
    )
    assert json.loads(done.stdout) == [p.hex() for p in one.predict(TEXTS)["positive"].astype(float)]


def test_a_prediction_names_the_likelier_class_and_its_probabilities_sum_to_1(saved):
    frame = saved[0].predict(TEXTS)
    assert ((frame["positive"] > 0.5) == (frame["label"] == "positive")).all()
    assert (frame["positive"] + frame["negative"]).tolist() == pytest.approx([1.0] * 4)


def test_no_texts_give_no_rows(saved):
    assert len(saved[0].predict([])) == 0


def test_one_bare_string_is_refused_since_it_would_be_read_letter_by_letter(saved):
    with pytest.raises(TypeError, match="list of texts"):
        saved[0].predict("good")


def test_saving_again_replaces_the_old_classifier_and_leaves_nothing_else(saved):
    one, folder = saved
    one.metrics["accuracy"] = 0.75
    artefact.save(one, folder)
    assert artefact.load(folder).metrics == {"accuracy": 0.75}
    assert list(folder.parent.iterdir()) == [folder]


def test_a_folder_with_other_files_is_not_overwritten(saved, tmp_path):
    (tmp_path / "thesis").mkdir()
    (tmp_path / "thesis" / "chapter.txt").write_text("years of work")
    with pytest.raises(ArtefactError, match="holds other files"):
        artefact.save(saved[0], tmp_path / "thesis")
    assert (tmp_path / "thesis" / "chapter.txt").read_text() == "years of work"
    assert sorted(p.name for p in tmp_path.iterdir()) == ["classifier", "thesis"]


def test_a_failed_save_leaves_the_old_classifier_whole(saved, monkeypatch):
    one, folder = saved

    def disk_full(*_):
        raise OSError("no space left on device")

    monkeypatch.setattr(torch, "save", disk_full)
    with pytest.raises(OSError, match="no space"):
        artefact.save(one, folder)
    assert artefact.load(folder).metrics == {"accuracy": 0.5} and list(folder.parent.iterdir()) == [folder]


@pytest.mark.parametrize("name", ["weights.pt", "vocabulary.txt"])
def test_an_altered_file_is_refused_by_name(saved, name):
    path = saved[1] / name
    path.write_bytes(path.read_bytes()[:-1] + b"!")
    with pytest.raises(ArtefactError, match=f"{name} was altered"):
        artefact.load(saved[1])


@pytest.mark.parametrize("name", ["weights.pt", "vocabulary.txt", "config.json"])
def test_a_missing_file_is_refused_by_name(saved, name):
    (saved[1] / name).unlink()
    with pytest.raises(ArtefactError, match=name):
        artefact.load(saved[1])


def test_a_newer_format_is_refused(saved):
    path = saved[1] / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"format": 2}))
    with pytest.raises(ArtefactError, match="format 2"):
        artefact.load(saved[1])
