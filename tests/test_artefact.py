"""A saved classifier is whole, answers as before in a new process, and is refused when it was altered."""

import copy
import io
import json
import os
import pickle
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from helpers import artefact
from helpers.artefact import Artefact, ArtefactError
from helpers.model import TextClassifier
from helpers.text import Vocabulary, encode
from helpers.training import predict_logits

TEXTS = ["the plot was not dull , it was gripping", "", "never seen words", "很好 👍"]
FILES = ["config.json", "vocabulary.txt", "weights.pt"]


def classifier(seed=0, **changes) -> Artefact:
    """An untrained classifier; another seed gives other weights, and words in another order."""
    torch.manual_seed(seed)
    vocabulary = Vocabulary.build(TEXTS, 20)
    if seed % 2:
        vocabulary = Vocabulary((*vocabulary.words[:2], *reversed(vocabulary.words[2:])))
    model = TextClassifier(len(vocabulary), 6, 9).eval()
    return Artefact(model, vocabulary, 40, metrics={"accuracy": 0.5, "seed": seed}, **changes)


@pytest.fixture
def saved(tmp_path):
    one = classifier()
    artefact.save(one, tmp_path / "classifier")
    return one, tmp_path / "classifier"


def rewrite_config(folder, **changes):
    """Alter config.json as somebody would who knows the format: its own digest is made to agree."""
    config = json.loads((folder / "config.json").read_text()) | changes
    config["sha256"] = artefact._digest_of_config(config)
    (folder / "config.json").write_text(json.dumps(config))


def rewrite_file(folder, name, content):
    """Alter a file and make config.json agree."""
    (folder / name).write_bytes(content)
    files = json.loads((folder / "config.json").read_text())["files"]
    rewrite_config(folder, files=files | {name: {"bytes": len(content), "sha256": artefact._digest(content)}})


def same_answers(one: Artefact, other: Artefact) -> bool:
    return torch.equal(one.probabilities(TEXTS), other.probabilities(TEXTS))


# Saving and loading


def test_the_folder_holds_three_files(saved):
    assert sorted(path.name for path in saved[1].iterdir()) == FILES


def test_a_new_process_gives_bit_equal_logits(saved):
    one, folder = saved
    code = (
        "import sys, json; from helpers import artefact; from helpers.text import encode;"
        "from helpers.training import predict_logits; one = artefact.load(sys.argv[1]);"
        "encoded = encode(json.loads(sys.argv[2]), [0] * 4, one.vocabulary, one.max_tokens);"
        "print(json.dumps([[x.hex() for x in row] for row in predict_logits(one.model, encoded).tolist()]))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(folder), json.dumps(TEXTS)],
        capture_output=True,
        text=True,
        check=True,
    )
    logits = predict_logits(one.model, encode(TEXTS, [0] * 4, one.vocabulary, one.max_tokens))
    assert json.loads(done.stdout) == [[x.hex() for x in row] for row in logits.tolist()]


def test_everything_that_was_saved_comes_back(tmp_path):
    one = classifier(data="Twelve reviews.", limits=("It knows no irony.",))
    artefact.save(one, tmp_path / "a")
    other = artefact.load(tmp_path / "a")
    assert same_answers(one, other)
    for name in ("vocabulary", "max_tokens", "classes", "metrics", "data", "limits"):
        assert getattr(other, name) == getattr(one, name)
    assert other.model.config == one.model.config and not other.model.training


def test_loading_draws_no_random_numbers(saved):
    before = torch.get_rng_state()
    artefact.load(saved[1])
    assert torch.equal(torch.get_rng_state(), before)


def test_a_loaded_model_can_be_trained_on(saved):
    other = artefact.load(saved[1])
    other.model(torch.tensor([[2, 3, 4]]), torch.tensor([3])).sum().backward()
    assert all(parameter.grad is not None for parameter in other.model.parameters())


def test_a_loaded_model_whose_words_vote_can_be_copied_and_says_so_on_its_card(tmp_path):
    vocabulary = Vocabulary.build(TEXTS, 20)
    voting = TextClassifier(len(vocabulary), 4, 5, readout="max", votes=(6, 7)).eval()
    artefact.save(Artefact(voting, vocabulary, 50), tmp_path / "voting")
    loaded = artefact.load(tmp_path / "voting")
    copied = copy.deepcopy(loaded.model).to(torch.float64).to(torch.float32)  # of a meta tensor it could not
    ids, lengths = torch.tensor([[2, 3, 2], [3, 0, 0]]), torch.tensor([3, 1])
    with torch.no_grad():
        assert torch.equal(copied(ids, lengths), voting(ids, lengths))
    assert "13 words and sequences of words vote" in artefact.model_card(loaded)


def test_saving_again_replaces_the_old_classifier_and_leaves_nothing_else(saved):
    _, folder = saved
    artefact.save(classifier(1), folder)
    assert artefact.load(folder).metrics["seed"] == 1 and same_answers(artefact.load(folder), classifier(1))
    assert list(folder.parent.iterdir()) == [folder]
    assert sorted(path.name for path in folder.iterdir()) == FILES


def test_a_note_beside_a_saved_classifier_survives_saving_again(saved):
    (saved[1] / "notes.md").write_text("the good one")
    artefact.save(classifier(1), saved[1])
    assert (saved[1] / "notes.md").read_text() == "the good one"
    assert artefact.load(saved[1]).metrics["seed"] == 1


@pytest.mark.parametrize("name", ["chapter.txt", "config.json", "weights.pt.txt"])
def test_a_folder_with_other_files_is_not_overwritten(saved, tmp_path, name):
    (tmp_path / "thesis").mkdir()
    (tmp_path / "thesis" / name).write_text('{"years": "of work"}')
    with pytest.raises(ArtefactError, match="holds other files; give an empty or a new folder"):
        artefact.save(saved[0], tmp_path / "thesis")
    assert (tmp_path / "thesis" / name).read_text() == '{"years": "of work"}'
    assert sorted(p.name for p in tmp_path.iterdir()) == ["classifier", "thesis"]


def test_a_file_is_not_taken_for_a_folder(saved, tmp_path):
    (tmp_path / "thesis.txt").write_text("years of work")
    with pytest.raises(ArtefactError, match="is a file"):
        artefact.save(saved[0], tmp_path / "thesis.txt")
    with pytest.raises(ArtefactError, match="no saved classifier"):
        artefact.load(tmp_path / "thesis.txt")


@pytest.mark.parametrize("broken", ["", "{", '{"format": 2, "model"'])
def test_a_damaged_classifier_can_be_saved_over(saved, broken):
    (saved[1] / "config.json").write_text(broken)
    artefact.save(classifier(1), saved[1])
    assert artefact.load(saved[1]).metrics["seed"] == 1


@pytest.mark.parametrize("call", ["save", "fsync", "replace"])
def test_a_failed_save_leaves_the_old_classifier_whole_and_no_traces(saved, tmp_path, monkeypatch, call):
    def disk_full(*_):
        raise OSError("no space left on device")

    monkeypatch.setattr(torch if call == "save" else os, call, disk_full)
    for folder in (saved[1], tmp_path / "new"):
        with pytest.raises(OSError, match="no space"):
            artefact.save(classifier(1), folder)
    assert artefact.load(saved[1]).metrics["seed"] == 0
    assert list(tmp_path.iterdir()) == [saved[1]] and sorted(p.name for p in saved[1].iterdir()) == FILES


@pytest.mark.parametrize("value", [float("nan"), float("inf"), "0.9", None, True])
def test_a_metric_that_is_no_finite_number_is_refused(saved, value):
    with pytest.raises(ArtefactError, match="metric 'accuracy'"):
        artefact.save(replace(saved[0], metrics={"accuracy": value}), saved[1])
    assert artefact.load(saved[1]).metrics["accuracy"] == 0.5


def test_metrics_from_numpy_and_torch_are_plain_numbers_afterwards(saved):
    metrics = {"a": np.float32(0.5), "b": torch.tensor(0.25), "c": np.int64(3)}
    artefact.save(replace(saved[0], metrics=metrics), saved[1])
    assert artefact.load(saved[1]).metrics == {"a": 0.5, "b": 0.25, "c": 3}


def test_words_of_any_kind_come_back(tmp_path):
    words = ("<pad>", "<unk>", "\r", "\u2028", "\x00", "\ud800", "很好", "👍", "naïve")
    one = Artefact(TextClassifier(len(words), 3, 4), Vocabulary(words), 9)
    artefact.save(one, tmp_path / "a")
    assert artefact.load(tmp_path / "a").vocabulary.words == words


def test_a_word_with_a_line_end_is_refused(tmp_path):
    one = Artefact(TextClassifier(3, 3, 4), Vocabulary(("<pad>", "<unk>", "two\nlines")), 9)
    with pytest.raises(ArtefactError, match="line end"):
        artefact.save(one, tmp_path / "a")
    assert not (tmp_path / "a").exists()


@pytest.mark.parametrize(
    "changes, message",
    [
        ({"vocabulary": Vocabulary(("<pad>", "<unk>"))}, "vocab_size=15; got 2 words"),
        ({"classes": ("good", "bad", "ugly")}, "num_classes=2; got 3 classes"),
        ({"max_tokens": 0}, "max_tokens must be 1 or more"),
    ],
)
def test_parts_that_do_not_belong_together_are_refused(changes, message):
    with pytest.raises(ValueError, match=message):
        replace(classifier(), **changes)


# Killed in the middle

posix_only = pytest.mark.skipif(not hasattr(os, "fork"), reason="os.fork and SIGKILL are needed to play this")

KILLED_AT_EVERY_STEP = """
import os, signal, sys
from helpers import artefact
from test_artefact import classifier, same_answers

def killed_at(step, folder, new):
    "Save in a child that kills itself before its step-th touch of a file; True if it got through before."
    child = os.fork()
    if child == 0:
        touches = 0
        def before(event, arguments):
            nonlocal touches
            if event in ("open", "os.rename", "os.remove", "os.mkdir") and str(folder) in str(arguments[0]):
                touches += 1
                if touches == step:
                    os.kill(os.getpid(), signal.SIGKILL)
        sys.addaudithook(before)
        artefact.save(new, folder)
        os._exit(0)
    return os.waitpid(child, 0)[1] == 0

def found(folder):
    "Which classifier the folder holds: its seed, proved by its answers. None if there is none."
    try:
        there = artefact.load(folder)
    except artefact.ArtefactError as error:
        assert "no saved classifier" in str(error), error
        return None
    assert same_answers(there, classifier(there.metrics["seed"]))
    return there.metrics["seed"]

root, seen, steps = sys.argv[1], [], 0
for start in (None, 0):
    for step in range(1, 100):
        folder = f"{root}/{start}-{step}"
        if start is not None:
            artefact.save(classifier(start), folder)
        finished = killed_at(step, folder, classifier(1))
        state = found(folder)
        assert state in (start, 1), state
        seen.append((start, state))
        # Whatever a killed save left behind, the next one is whole again, also if it is killed itself.
        killed_at(step, folder, classifier(2))
        assert found(folder) in (state, 2)
        artefact.save(classifier(3), folder)
        assert found(folder) == 3 and len(os.listdir(folder)) == 3
        if finished:
            steps += step - 1
            break
assert {(None, None), (None, 1), (0, 0), (0, 1)} == set(seen), set(seen)
print("steps:", steps)
"""


@posix_only
def test_a_save_killed_at_any_of_its_steps_leaves_the_old_classifier_or_the_new_one(tmp_path):
    done = subprocess.run(
        [sys.executable, "-c", KILLED_AT_EVERY_STEP, str(tmp_path)],
        capture_output=True,
        text=True,
        cwd=os.path.dirname(__file__),
    )
    assert done.returncode == 0, done.stderr
    assert int(done.stdout.split()[-1]) > 20  # a save touches files that often; each touch was a death


KILLED_AT_ANY_TIME = """
import os, random, signal, sys, time
import torch
from helpers import artefact
from helpers.artefact import Artefact
from helpers.model import TextClassifier
from helpers.text import Vocabulary

words = ("<pad>", "<unk>", *(f"word{i}" for i in range(20_000)))
torch.manual_seed(0)
models = [TextClassifier(len(words), 16, 8) for _ in range(2)]
pair = [Artefact(model, Vocabulary(words), 9, metrics={"seed": s}) for s, model in enumerate(models)]
folder, random_, parent = sys.argv[1], random.Random(0), os.getpid()
artefact.save(pair[0], folder)
seen, rounds = set(), 0
while rounds < 12 or (seen != {0, 1} and rounds < 500):
    rounds += 1
    child = os.fork()
    if child == 0:
        while os.getppid() == parent:
            for one in pair:
                artefact.save(one, folder)
        os._exit(0)
    end = time.monotonic() + random_.uniform(0.01, 0.08)
    while time.monotonic() < end:  # a reader beside the writer never meets half a classifier
        artefact.load(folder)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    there = artefact.load(folder)
    wanted = pair[there.metrics["seed"]].model.state_dict()
    assert all(torch.equal(value, wanted[name]) for name, value in there.model.state_dict().items())
    seen.add(there.metrics["seed"])
assert seen == {0, 1}  # so the children did save
"""


@posix_only
def test_a_save_killed_at_any_time_leaves_a_whole_classifier_and_a_reader_never_meets_half_of_one(tmp_path):
    done = subprocess.run(
        [sys.executable, "-c", KILLED_AT_ANY_TIME, str(tmp_path / "a")], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr


# Refused with a reason


def test_a_folder_that_is_not_there_is_named(tmp_path):
    with pytest.raises(ArtefactError, match=r"no saved classifier in .*nowhere"):
        artefact.load(tmp_path / "nowhere")


@pytest.mark.parametrize("name", FILES[1:])
def test_an_altered_file_is_refused_by_name(saved, name):
    path = saved[1] / name
    path.write_bytes(path.read_bytes()[:-1] + b"!")
    with pytest.raises(ArtefactError, match=rf"{name} was altered.*SHA-256 .*expected"):
        artefact.load(saved[1])


@pytest.mark.parametrize("name", FILES[1:])
def test_a_truncated_file_is_refused_with_its_size(saved, name):
    path = saved[1] / name
    content = path.read_bytes()
    path.write_bytes(content[:10])
    with pytest.raises(ArtefactError, match=rf"{name} is cut short: 10 of {len(content):,} bytes"):
        artefact.load(saved[1])


@pytest.mark.parametrize("name", FILES)
def test_a_missing_file_is_refused_by_name(saved, name):
    (saved[1] / name).unlink()
    with pytest.raises(ArtefactError, match=f"{name} is missing"):
        artefact.load(saved[1])


def test_an_edited_configuration_is_refused(saved):
    path = saved[1] / "config.json"
    path.write_text(path.read_text().replace('"max_tokens": 40', '"max_tokens": 4'))
    with pytest.raises(ArtefactError, match=r"config.json was altered"):
        artefact.load(saved[1])


@given(cut=st.integers(0, 10_000))
def test_a_configuration_cut_anywhere_is_refused(tmp_path_factory, cut):
    folder = tmp_path_factory.mktemp("a")
    whole = CONFIG_BYTES[: cut % len(CONFIG_BYTES)]
    (folder / "config.json").write_bytes(whole)
    with pytest.raises(ArtefactError, match=r"config.json (is not|was altered)"):
        artefact.load(folder)


@pytest.mark.parametrize("content", ["[]", "7", "null", '"a"', "[" * 100_000, '{"other": 1}', "\ufeff{}"])
def test_a_configuration_of_something_else_is_refused(saved, content):
    (saved[1] / "config.json").write_text(content)
    with pytest.raises(ArtefactError, match=r"config.json is not"):
        artefact.load(saved[1])


@pytest.mark.parametrize(
    "number, todo", [(artefact.FORMAT + 1, "newer version of this course"), (1, "Save the classifier again")]
)
def test_another_format_is_refused_with_both_numbers(saved, number, todo):
    path = saved[1] / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"format": number}))
    with pytest.raises(ArtefactError, match=f"has format {number}; this code reads format 2.*{todo}"):
        artefact.load(saved[1])


def test_a_classifier_saved_with_another_way_of_cutting_words_is_refused(saved, monkeypatch):
    monkeypatch.setattr(artefact, "tokenize", str.split)
    with pytest.raises(ArtefactError, match="cuts texts into other words"):
        artefact.load(saved[1])


class Malicious:
    """What a pickle can be: loading it would run this command."""

    def __init__(self, trace):
        self.trace = str(trace)

    def __reduce__(self):
        return (os.mkdir, (self.trace,))


def as_torch_file(value) -> bytes:
    buffer = io.BytesIO()
    torch.save(value, buffer)
    return buffer.getvalue()


@pytest.mark.parametrize(
    "wrap", [lambda bad: pickle.dumps(bad, 2), as_torch_file, lambda bad: as_torch_file({"fc.bias": bad})]
)
def test_code_hidden_in_the_weights_is_not_run(saved, tmp_path, wrap):
    trace = tmp_path / "the code ran"
    content = wrap(Malicious(trace))
    rewrite_file(saved[1], "weights.pt", content)
    with pytest.raises(ArtefactError, match="does not hold a classifier"):
        artefact.load(saved[1])
    assert not trace.exists()
    torch.load(io.BytesIO(as_torch_file(Malicious(trace))), weights_only=False)  # it would have run
    assert trace.exists()


@pytest.mark.parametrize(
    "changes",
    [
        {"model": {"vocab_size": 15, "embedding_dim": 6, "hidden_dim": 8}},  # other sizes than the weights
        {"model": {"vocab_size": 10**15, "hidden_dim": 10**9}},
        {"model": {"layers": 3}},
        {"model": None},
        {"classes": ["negative"]},
        {"max_tokens": "forty"},
        {"files": {}},
        {"files": {"weights.pt": {}, "vocabulary.txt": {"bytes": 3}}},
    ],
)
def test_a_configuration_that_does_not_fit_the_files_is_refused(saved, changes):
    rewrite_config(saved[1], **changes)
    with pytest.raises(ArtefactError, match="does not hold a classifier"):
        artefact.load(saved[1])


@pytest.mark.parametrize("weights", [{}, torch.ones(3), [1, 2], {"fc.bias": torch.ones(2)}])
def test_weights_of_something_else_are_refused(saved, weights):
    rewrite_file(saved[1], "weights.pt", as_torch_file(weights))
    with pytest.raises(ArtefactError, match="does not hold a classifier"):
        artefact.load(saved[1])


def test_a_vocabulary_of_another_size_is_refused(saved):
    rewrite_file(saved[1], "vocabulary.txt", b"<pad>\n<unk>\ngood")
    with pytest.raises(ArtefactError, match="vocab_size=15; got 3 words"):
        artefact.load(saved[1])


# Predicting


def test_a_prediction_names_the_likelier_class_and_its_probabilities_sum_to_1(saved):
    frame = saved[0].predict(TEXTS)
    assert ((frame["positive"] > 0.5) == (frame["label"] == "positive")).all()
    assert (frame["positive"] + frame["negative"]).tolist() == pytest.approx([1.0] * 4)


def test_no_texts_give_no_rows(saved):
    frame = saved[0].predict([])
    assert len(frame) == 0 and list(frame.columns) == ["text", "label", "negative", "positive"]


def test_one_bare_string_is_refused_since_it_would_be_read_letter_by_letter(saved):
    with pytest.raises(TypeError, match="list of texts"):
        saved[0].predict("good")


# The model card


def test_the_model_card_tells_what_was_measured_and_what_is_known_to_fail():
    metrics = {
        "test_accuracy": 0.8813,
        "test_accuracy_low": 0.8773,
        "test_accuracy_high": 0.8853,
        "texts": 25_000,
    }
    one = replace(
        classifier(), metrics=metrics, data="Fifty thousand reviews.", limits=("It knows no irony.",)
    )
    card = artefact.model_card(one)
    assert "| test accuracy | 0.8813 | 0.8773 to 0.8853 |" in card
    assert "| texts | 25,000 |  |" in card
    for sentence in (
        "Fifty thousand reviews.",
        "- It knows no irony.",
        "positive",
        "first 10 and the last 30",
    ):
        assert sentence in card
    sections = [line.removeprefix("## ") for line in card.splitlines() if line.startswith("## ")]
    assert sections == [
        "What it is",
        "Data",
        "Measured",
        "Intended use",
        "Known limits",
        "How to load it",
    ]


def test_the_model_card_of_a_bare_classifier_says_what_is_not_recorded():
    card = artefact.model_card(replace(classifier(), metrics={}))
    assert "Nothing recorded." in card and "Not recorded." in card


def test_the_loading_lines_of_the_model_card_run(saved):
    lines = (
        artefact.model_card(saved[0]).split("```python")[1].split("```")[0].replace("FOLDER", str(saved[1]))
    )
    exec(lines, {})


def _config_bytes() -> bytes:
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        artefact.save(classifier(), folder)
        return open(f"{folder}/config.json", "rb").read()


CONFIG_BYTES = _config_bytes()
