"""The text classifier of the course: embedding, LSTM, readout, linear layer; and n-grams that vote.

Page 08 starts from the article's class, finds it blind and repairs it into `TextClassifier`; page 09
trains it. Papers: Hochreiter & Schmidhuber 1997 (LSTM), Gers et al. 2000 (forget gate).
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from helpers.votes import NgramVotes


def last_state(states: Tensor, lengths: Tensor) -> Tensor:
    """The state after the last real word. states [batch, time, hidden], lengths [batch] -> [batch, hidden].

    With right padding this is exact for a forward LSTM: what stands to the right of a word never
    changes the state at that word.
    """
    rows = torch.arange(len(lengths), device=states.device)
    return states[rows, lengths - 1]


def max_over_time(states: Tensor, lengths: Tensor) -> Tensor:
    """For each feature its largest value over the real words. Shapes as in `last_state`."""
    return states.masked_fill(~real_words(states, lengths), torch.finfo(states.dtype).min).amax(dim=1)


def mean_over_time(states: Tensor, lengths: Tensor) -> Tensor:
    """For each feature its mean over the real words. Shapes as in `last_state`."""
    return (states * real_words(states, lengths)).sum(dim=1) / lengths[:, None]


def real_words(states: Tensor, lengths: Tensor) -> Tensor:
    """Which positions hold words and no pads: [batch, time, 1], bool. Shapes as in `last_state`."""
    time = torch.arange(states.shape[1], device=states.device)
    return (time < lengths[:, None])[..., None]


READOUTS = {"last": last_state, "max": max_over_time, "mean": mean_over_time}


class TextClassifier(nn.Module):
    """Reads a padded batch of token ids and gives one logit a class.

    vocab_size, embedding_dim, hidden_dim, num_classes: the article's sizes by default (1,675,778 parameters).
    readout      "last": the state at the true length; "max", "mean": the maximum or the mean over real words.
    forget_bias  what the forget gates start with in place of PyTorch's values near 0; None leaves those.
                 1.0 makes a fresh LSTM keep sigmoid(1) = 73 % of its memory at every step.
    dropout      share of the embedding, vote and summary entries zeroed in training.
    votes        how many words, pairs, triples ... of words vote (`helpers.votes`; two classes); () for none.
                 The LSTM reads at each word its embedding and the votes that end there, and sets a gate from
                 0 to 2 for each vote: how much it counts. A fresh model counts each once, as naive Bayes.
                 Call `model.votes.count(train_set)` before training (`helpers.recipes.build_model` does).
    """

    def __init__(
        self,
        vocab_size: int = 10_000,
        embedding_dim: int = 128,
        hidden_dim: int = 256,
        num_classes: int = 2,
        *,
        readout: str = "last",
        forget_bias: float | None = None,
        dropout: float = 0.0,
        votes: Sequence[int] = (),
    ) -> None:
        super().__init__()
        if readout not in READOUTS:
            raise ValueError(f"readout must be one of {sorted(READOUTS)}; got {readout!r}")
        if votes and num_classes != 2:
            raise ValueError(f"a vote is for one class of two: num_classes must be 2; got {num_classes}")
        self.config = dict(
            vocab_size=vocab_size,
            embedding_dim=embedding_dim,
            hidden_dim=hidden_dim,
            num_classes=num_classes,
            readout=readout,
            forget_bias=forget_bias,
            dropout=dropout,
            votes=list(votes),
        )
        self.embedding = nn.Embedding(vocab_size, embedding_dim, padding_idx=0)
        self.lstm = nn.LSTM(embedding_dim + len(votes), hidden_dim, batch_first=True)
        self.fc = nn.Linear(hidden_dim, num_classes)
        self.dropout = nn.Dropout(dropout)
        self.read = READOUTS[readout]
        if forget_bias is not None:
            set_forget_bias(self.lstm, forget_bias)
        self.votes = NgramVotes(vocab_size, votes) if votes else None
        if votes:
            self.gate = nn.Linear(hidden_dim, len(votes))
            nn.init.zeros_(self.gate.weight)  # 2 * sigmoid(0) = 1: each vote counts once
            nn.init.zeros_(self.gate.bias)
            self.weight_of_votes = nn.Parameter(torch.tensor(0.5))

    def forward(self, ids: Tensor, lengths: Tensor, fold: Tensor | None = None) -> Tensor:
        """Logits [batch, classes] of ids [batch, time] int64, padded with 0 on the right, lengths [batch].

        Where n-grams vote, training needs `fold` [batch], the fold of each text: its own are not heard.
        """
        inputs = self.dropout(self.embedding(ids))  # [batch, time, embedding]
        if self.votes is not None:
            if self.training and fold is None:
                raise ValueError("in training a text would hear its own label among the votes: give `fold`")
            votes = self.dropout(self.votes(ids, fold))  # [batch, time, orders], 0 at pads
            inputs = torch.cat([inputs, votes], dim=2)  # [batch, time, embedding + orders]
        states, _ = self.lstm(inputs)  # [batch, time, hidden]
        summary = self.read(states, lengths)  # [batch, hidden]
        logits = self.fc(self.dropout(summary))  # [batch, classes]
        return logits if self.votes is None else logits + self.count_votes(states, votes, lengths)

    def count_votes(self, states: Tensor, votes: Tensor, lengths: Tensor) -> Tensor:
        """What the gated votes add to the logits, [batch, 2]: as much to positive as they take from negative.

        states [batch, time, hidden], votes [batch, time, orders]. Divided by the root of the length, so that
        long reviews do not shout.
        """
        gates = 2 * torch.sigmoid(self.gate(states))  # [batch, time, orders], from 0 to 2
        score = (gates * votes).sum(dim=(1, 2)) / lengths.sqrt()  # [batch]
        score = self.weight_of_votes * score / 2
        return torch.stack([-score, score], dim=1)


@torch.no_grad()
def set_forget_bias(lstm: nn.LSTM, value: float) -> None:
    """Set the bias of every forget gate of `lstm` to `value`.

    PyTorch stacks the gates in the order input, forget, candidate, output, so the forget gate is the second
    quarter; and it adds two bias vectors, so the value goes into one and 0 into the other.
    """
    for name, bias in lstm.named_parameters():
        if name.startswith("bias_"):
            quarter = len(bias) // 4
            bias[quarter : 2 * quarter] = value if name.startswith("bias_ih") else 0.0


def count_parameters(model: nn.Module) -> int:
    """How many numbers training may change."""
    return sum(p.numel() for p in model.parameters() if p.requires_grad)
