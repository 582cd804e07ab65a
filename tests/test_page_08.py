"""The claims of page 08 hold beyond the numbers it prints; the code tested is the page's own."""

import itertools
import math

import pytest
import torch
import torch.nn.functional as F
from exercise_player import exercise_cells, page_names, read_page, run
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn
from wrong_answers.page08 import CLAMPED, FUNCTION, TOLD, VIEW, suspect

from helpers import corpus
from helpers.exercises.page08 import Follower as ListeningFollower
from helpers.plotting import draw_footprint, draw_losses, draw_verdicts

WHOLE_CELLS = (
    *("imports", "article-class", "finding", "batch-invariance", "padding-invariance", "token-sensitivity"),
    *("evaluate-twice", "footprint", "training-step", "learn", "count-right", "batch-first", "last-state"),
    *("steady", "fit"),
)
FIRST_PARTS = {  # up to the line that begins with this
    "article-tested": "torch.manual_seed",
    "leaky": "X = ",
    "bag": "bag = ",
    "order-test": "print",
    "mood": "for name",
}


@pytest.fixture(scope="module")
def page() -> dict:
    """The names that the page's cells define, without those that train, draw or print."""
    # `fresh` asks for the length of the vocabulary
    return page_names("08", WHOLE_CELLS, FIRST_PARTS, vocabulary=range(50))


batches_of_ids = st.tuples(st.integers(2, 6), st.integers(2, 8)).filter(lambda shape: shape[0] != shape[1])
seeds = st.integers(0, 10_000)


def ids_and_lengths(shape: tuple[int, int], seed: int) -> tuple[Tensor, Tensor]:
    """Reviews of 1 to `time` words, padded on the right; one of them is as long as the batch is wide."""
    generator = torch.Generator().manual_seed(seed)
    batch, time = shape
    lengths = torch.randint(1, time + 1, (batch,), generator=generator)
    lengths[int(torch.randint(batch, (1,), generator=generator))] = time
    ids = torch.randint(2, 50, shape, generator=generator)
    return ids * (torch.arange(time) < lengths[:, None]), lengths


def built(kind: type[nn.Module], seed: int) -> nn.Module:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return kind(50, 5, 7, 2).double().eval()


# What the article's class computes


@settings(max_examples=40, deadline=None)
@given(shape=batches_of_ids, seed=seeds)
def test_the_articles_class_runs_its_lstm_over_the_last_column_as_one_sequence(page, shape, seed) -> None:
    model, (ids, lengths) = built(page["Article"], seed), ids_and_lengths(shape, seed)
    states, _ = model.lstm(model.embedding(ids[:, -1])[:, None])
    torch.testing.assert_close(model(ids, lengths), model.fc(states[:, 0]))


@settings(max_examples=40, deadline=None)
@given(shape=batches_of_ids, seed=seeds)
def test_in_the_articles_class_a_last_token_moves_its_own_row_and_those_below(page, shape, seed) -> None:
    model, (ids, lengths) = built(page["Article"], seed), ids_and_lengths(shape, seed)
    row = seed % shape[0]
    changed = ids.clone()
    changed[row, -1] = (changed[row, -1] + 1) % 50
    changed[:, :-1] = (changed[:, :-1] + 7) % 50  # and all that is not in the last column
    moves = (model(changed, lengths) - model(ids, lengths)).abs().amax(dim=1)
    assert not moves[:row].any() and moves[row] > 0


def test_alone_the_articles_class_gives_every_review_with_one_last_token_one_answer(page) -> None:
    model = built(page["Article"], 3)
    ids = torch.randint(2, 50, (9, 6), generator=torch.Generator().manual_seed(1))
    ids[:, -1] = 11
    answers = torch.cat([model(row[None], None) for row in ids])
    assert torch.equal(answers, answers[:1].expand_as(answers))


@settings(max_examples=30, deadline=None)
@given(shape=batches_of_ids, seed=seeds)
def test_on_paper_a_token_counts_half_for_each_step_that_it_lies_back(page, shape, seed) -> None:
    X = torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    leaf, row = X.requires_grad_(), seed % shape[0]
    along = torch.autograd.grad(page["leaky_reader"](leaf.T)[-1, row], leaf)[0]
    down = torch.autograd.grad(page["leaky_reader"](leaf)[row, -1], leaf)[0]
    right, article = torch.zeros_like(along), torch.zeros_like(along)
    right[row] = 0.5 ** torch.arange(shape[1] - 1, -1, -1, dtype=torch.float64)
    article[: row + 1, -1] = 0.5 ** torch.arange(row, -1, -1, dtype=torch.float64)
    assert torch.equal(along, right) and torch.equal(down, article)


# The repairs


@settings(max_examples=30, deadline=None)
@given(shape=batches_of_ids, seed=seeds)
def test_the_repaired_class_has_all_four_properties_and_its_own_words_as_footprint(page, shape, seed) -> None:
    model, (ids, lengths) = built(page["Steady"], seed), ids_and_lengths(shape, seed)
    assert all(finding.holds for finding in page["all_invariants"](model, ids, lengths))
    for row in range(shape[0]):
        lit = page["footprint"](model, ids, lengths, row) > 0
        own = (torch.arange(shape[0]) == row)[:, None] & (torch.arange(shape[1]) < lengths[row])
        assert torch.equal(lit, own)


@settings(max_examples=30, deadline=None)
@given(shape=batches_of_ids, seed=seeds)
def test_read_at_the_true_length_a_review_scores_as_it_does_alone_and_without_pads(page, shape, seed) -> None:
    model, (ids, lengths) = built(page["TrueLength"], seed), ids_and_lengths(shape, seed)
    alone = torch.cat([model(ids[r : r + 1, :n], lengths[r : r + 1]) for r, n in enumerate(lengths)])
    torch.testing.assert_close(model(ids, lengths), alone, rtol=0, atol=1e-12)


def test_batch_first_alone_separates_the_rows_and_reads_the_pads(page) -> None:
    model, (ids, lengths) = built(page["BatchFirst"], 0), ids_and_lengths((4, 7), 2)
    found = {finding.name: finding.holds for finding in page["all_invariants"](model, ids, lengths)}
    assert found["batch"] and not found["padding"]


def test_the_two_classes_differ_from_the_articles_by_their_repair_alone(page) -> None:
    article, wired = built(page["Article"], 0), built(page["TrueLength"], 1)
    assert [name for name, _ in article.named_parameters()] == [name for name, _ in wired.named_parameters()]
    wired.load_state_dict(article.state_dict())  # the same parameters: only the wiring is another


def test_a_bag_passes_the_four_tests_and_fails_the_fifth(page) -> None:
    bag, (ids, lengths) = built(lambda *sizes: page["Bag"](*sizes), 0), ids_and_lengths((4, 7), 5)
    lengths = lengths.clamp(min=2)
    ids = torch.where(torch.arange(7) < lengths[:, None], ids.clamp(min=2), 0)
    ids[:, :2] = torch.tensor([3, 4])
    assert all(finding.holds for finding in page["all_invariants"](bag, ids, lengths))
    assert not page["order_sensitivity"](bag, ids, lengths, threshold=1e-9).holds
    assert page["order_sensitivity"](built(page["Steady"], 0), ids, lengths).holds


# Every test can fail, and for its own reason


class Reads(nn.Module):
    """A right reader of embeddings with one fault to choose."""

    def __init__(self, fault: str) -> None:
        super().__init__()
        self.embedding, self.fault = nn.Embedding(50, 6, padding_idx=0), fault

    def forward(self, ids: Tensor, lengths: Tensor) -> Tensor:
        vectors = self.embedding(ids)  # [batch, time, 6]
        if self.fault == "token sensitivity":
            vectors = vectors[:, 1:]  # the first word is left out
        mean = vectors.sum(dim=1) / (ids.shape[1] if self.fault == "padding" else lengths[:, None])
        if self.fault == "batch":
            mean = mean - mean.mean(dim=0)  # centred over the neighbours
        return F.dropout(mean, 0.5) if self.fault == "evaluate twice" else mean


@pytest.mark.parametrize("fault", ["batch", "padding", "token sensitivity", "evaluate twice", "none"])
def test_each_of_the_four_tests_catches_the_fault_that_it_is_made_for(page, fault) -> None:
    torch.manual_seed(0)
    model, (ids, lengths) = Reads(fault), ids_and_lengths((4, 7), 5)
    failing = {finding.name for finding in page["all_invariants"](model, ids, lengths) if not finding.holds}
    if fault == "evaluate twice":  # a noisy model fails others for free
        assert fault in failing
    else:
        assert failing == {fault} - {"none"}


REPAIRS = {
    "dropped": (FUNCTION, TOLD),
    "run": (VIEW, "states, _ = self.lstm(embedded.transpose(0, 1))"),
    "last": (CLAMPED, "states[lengths - 1, torch.arange(batch)]"),
}


@pytest.mark.parametrize("mended", list(itertools.product([False, True], repeat=3)))
def test_the_planted_bugs_are_found_by_the_tests_alone_whichever_are_mended(page, mended) -> None:
    names = dict(page)
    parts = {name: pair[is_mended] for (name, pair), is_mended in zip(REPAIRS.items(), mended, strict=True)}
    run(suspect(**parts), names, "a suspect")
    torch.manual_seed(0)
    model, (ids, lengths) = names["Suspect"](50, 8, 12, 2).eval(), ids_and_lengths((4, 9), 5)
    assert all(finding.holds for finding in page["all_invariants"](model, ids, lengths)) == all(mended)


def test_the_stub_of_the_hunt_is_the_suspect_of_the_catalogue() -> None:
    stub = exercise_cells(read_page("08"), "08.5")["stub"].source
    assert all(wrong in stub for wrong, _ in REPAIRS.values())


# The log, the loop, the messages


@settings(max_examples=20, deadline=None)
@given(negative=st.integers(200, 600), positive=st.integers(200, 600), batch_size=st.integers(8, 40))
def test_sorted_by_label_a_model_without_eyes_misses_about_a_batch(
    page, negative, positive, batch_size
) -> None:
    labels = torch.arange(negative + positive) // negative
    labels = labels.clamp(max=1)
    for kind in (page["Follower"], ListeningFollower):
        follower, wrong = kind(), 0
        for rows in torch.arange(len(labels)).split(batch_size):
            wrong += (follower.answer(rows) != labels[rows]).sum().item()
            follower.learn(labels[rows])
        assert wrong <= 2 * batch_size


def test_fit_leaves_the_model_with_the_weights_of_its_best_epoch(page) -> None:
    data = corpus.load("twins")
    vocabulary = page["Vocabulary"].build(data.train["text"])
    sets = [
        page["encode"](list(part["text"][:n]), list(part["label"][:n]), vocabulary)
        for part, n in ((data.train, 256), (data.validation, 100))
    ]
    torch.manual_seed(0)
    model = page["Steady"](len(vocabulary), 6, 8, 2)
    best = page["fit"](model, *sets, epochs=3, seed=0)
    assert page["count_right"](model, sets[1]) == best["right"]
    assert all(torch.equal(value, best["weights"][name]) for name, value in model.state_dict().items())
    assert 1 <= best["epoch"] <= 3


def test_every_message_in_the_table_is_raised_by_a_cell_and_every_raised_one_is_in_the_table() -> None:
    notebook = read_page("08")
    (table,) = (cell.source for cell in notebook.cells if cell.id == "08-messages")
    loud = table.split("| message |")[1].splitlines()[2:]
    listed = {line.split(" | ")[0].removeprefix("| ") for line in loud if line.startswith("| ")}
    raised = {
        f"{output.ename}: {output.evalue}"
        for cell in notebook.cells
        if cell.cell_type == "code"
        for output in cell.outputs
        if output.output_type == "error"
    }
    assert listed == raised and len(raised) >= 8


def test_labels_as_decimals_are_refused_in_words_that_name_long() -> None:  # torch words it in several ways
    with pytest.raises(RuntimeError, match="Long"):
        F.cross_entropy(torch.randn(4, 2), torch.tensor([1.0, 0.0, 1.0, 1.0]))


# Drawings


def test_a_footprint_writes_shares_where_there_is_a_slope_and_nowhere_else(axes) -> None:
    slopes = torch.tensor([[0.0, 0.0, 3.0], [0.0, 0.001, 1.0]])
    draw_footprint([["a", "b", "c"], ["d", "e", "<pad>"]], slopes, row=1, axes=axes)
    texts = [text.get_text() for text in axes.texts]
    assert [text for text in texts if "%" in text] == ["75%", "< 1%", "25%"]
    assert "score of row 1" in texts and "row 0" in texts and "pad" in texts
    faces = [patch.get_facecolor()[:3] for patch in axes.patches[:6]]
    assert [face == (1.0, 1.0, 1.0) for face in faces] == [True, True, False, True, False, False]


def test_where_twins_differ_both_words_stand_on_the_axis(axes) -> None:
    words = [["it", "was", "dull"], ["it", "was", "gripping"]]
    draw_verdicts(words, [[0.5, 0.5, 0.1], [0.5, 0.5, 0.9]], [0, 1], axes=axes)
    assert [tick.get_text() for tick in axes.get_xticklabels()] == ["it", "was", "dull | gripping"]
    assert [text.get_text() for text in axes.get_legend().get_texts()] == [
        "a review, truly negative",
        "its twin, truly positive",
    ]


def test_loss_curves_carry_the_line_of_the_coin_and_means_of_steps(axes) -> None:
    draw_losses({"blind": [0.6, 0.8, 0.7, 0.7]}, steps_per_epoch=4, block=2, axes=axes)
    coin, curve = axes.lines
    assert coin.get_ydata()[0] == math.log(2)
    assert curve.get_ydata() == pytest.approx([0.7, 0.7]) and curve.get_xdata() == pytest.approx([0.25, 0.75])
