"""The classifier and the four properties that a right one has, and that blind ones lack."""

import pytest
import torch
from torch import nn

from helpers.invariants import all_invariants, footprint
from helpers.model import TextClassifier, count_parameters, set_forget_bias

LENGTHS = torch.tensor([7, 3, 5, 1])


@pytest.fixture(autouse=True)
def fixed_seed():
    torch.manual_seed(0)


def batch() -> tuple[torch.Tensor, torch.Tensor]:
    """4 reviews of at most 7 tokens, padded right: batch differs from time."""
    ids = torch.randint(2, 50, (4, 7))
    return ids * (torch.arange(7) < LENGTHS[:, None]), LENGTHS


def small(**changes) -> TextClassifier:
    return TextClassifier(50, 8, 12, **changes).eval()


class ArticleClassifier(nn.Module):
    """The article's class, its layers as written (l. 146-157), with a second argument that it ignores."""

    def __init__(self, batch_first: bool = False):
        super().__init__()
        self.embedding = nn.Embedding(50, 8)
        self.lstm = nn.LSTM(8, 12, batch_first=batch_first)
        self.fc = nn.Linear(12, 2)

    def forward(self, x, _lengths):
        x = self.embedding(x)
        x, _ = self.lstm(x)
        return self.fc(x[:, -1, :])


def holds(model) -> dict[str, bool]:
    return {finding.name: finding.holds for finding in all_invariants(model, *batch())}


def test_the_default_sizes_are_the_articles_and_count_1_675_778():
    model = TextClassifier()
    assert count_parameters(model) == 10_000 * 128 + 4 * (128 + 256 + 2) * 256 + 256 * 2 + 2 == 1_675_778


@pytest.mark.parametrize("readout", ["last", "max", "mean"])
def test_the_classifier_has_all_four_properties(readout):
    assert all(holds(small(readout=readout, dropout=0.5)).values())


def test_the_articles_class_fails_on_batch_padding_and_words():
    found = holds(ArticleClassifier().eval())
    assert not found["batch"] and not found["padding"] and not found["token sensitivity"]


def test_batch_first_alone_still_reads_the_padding():
    found = holds(ArticleClassifier(batch_first=True).eval())
    assert found["batch"] and not found["padding"]


def test_dropout_left_on_is_caught_by_evaluating_twice():
    assert not holds(small(dropout=0.5).train())["evaluate twice"]


def test_equal_sizes_that_would_hide_a_swapped_axis_are_refused():
    ids, lengths = batch()
    with pytest.raises(ValueError, match=r"\(4, 4\)"):
        all_invariants(small(), ids[:, :4], lengths.clamp(max=4))


def test_the_footprint_of_a_review_is_its_own_row_up_to_its_length():
    lit = footprint(small(), *batch(), row=2) > 0
    expected = torch.zeros(4, 7, dtype=torch.bool)
    expected[2, :5] = True
    assert torch.equal(lit, expected)


def test_the_footprint_of_the_articles_class_is_a_column():
    ids, lengths = batch()
    lit = footprint(ArticleClassifier().eval(), ids, lengths, row=2) > 0
    expected = torch.zeros(4, 7, dtype=torch.bool)
    expected[:3, -1] = True
    assert torch.equal(lit, expected)


def test_a_footprint_leaves_no_hook_behind_even_when_the_model_stops():
    model, (ids, lengths) = small(), batch()
    with pytest.raises(IndexError):
        footprint(model, ids, lengths + 1, row=2)
    footprint(model, ids, lengths, row=2)
    assert not model.embedding._forward_hooks


def test_the_last_state_is_that_of_the_review_read_alone_by_torch():
    model, (ids, lengths) = small(), batch()
    for row, length in enumerate(lengths.tolist()):
        _, (state, _) = model.lstm(model.embedding(ids[row : row + 1, :length]))
        torch.testing.assert_close(model.fc(state[-1]), model(ids, lengths)[row : row + 1])


def test_the_forget_bias_goes_to_the_forget_gate_alone_and_once():
    lstm = nn.LSTM(3, 4)
    before = (lstm.bias_ih_l0 + lstm.bias_hh_l0).detach().clone()
    set_forget_bias(lstm, 1.0)
    after = lstm.bias_ih_l0 + lstm.bias_hh_l0
    assert after[4:8].tolist() == [1.0] * 4
    assert torch.equal(after[:4], before[:4]) and torch.equal(after[8:], before[8:])


def test_a_fresh_two_class_model_starts_near_ln_2():
    ids = torch.randint(2, 10_000, (64, 30))
    logits = TextClassifier().eval()(ids, torch.full((64,), 30))
    loss = nn.functional.cross_entropy(logits, torch.arange(64) % 2).item()
    assert abs(loss - 0.6931) < 0.1


def test_an_unknown_readout_is_refused_with_the_known_ones():
    with pytest.raises(ValueError, match="last"):
        TextClassifier(readout="first")
