"""Words, pairs and triples of words that vote: numbers that are counted, not learnt by gradient (page 09).

Wang and Manning, "Baselines and Bigrams" (2012): the log-count ratios of naive Bayes as features.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from helpers.text import UNKNOWN_ID, EncodedTexts, batches

NO_KEY = torch.iinfo(torch.int64).max  # fills the places of a table that has fewer n-grams than places


def ngram_keys(ids: Tensor, order: int, vocab_size: int) -> Tensor:
    """One number for the `order` words that end at each place: ids [batch, time] -> keys [batch, time] int64.

    The words are the digits of a number in base `vocab_size`, so different n-grams have different keys. The
    key is -1 where the text has fewer words so far, where one of them is unknown, and at a pad.
    """
    keys, known = ids, ids > UNKNOWN_ID
    for back in range(1, order):
        earlier = nn.functional.pad(ids, (back, 0))[:, : ids.shape[1]]  # the word `back` places before
        keys = keys + earlier * vocab_size**back
        known = known & (earlier > UNKNOWN_ID)
    return torch.where(known, keys, -1)


class NgramVotes(nn.Module):
    """A number for each common word, pair and triple of words: its vote for the positive class.

    The vote is the log-count ratio of naive Bayes, log P(n-gram | positive) - log P(n-gram | negative), where
    a text counts once however often the n-gram stands in it, and every count is raised by one.

    A text that is trained on must not hear its own label: an n-gram of four training texts, one of them
    this, would give away a quarter of the answer. So the training texts are dealt into folds, and each is
    read with the votes counted over the other folds ("cross-fitting"); all other texts are read with the
    votes counted over all. What two texts share beside their label (the film) must be within one fold, or it
    votes in training and never again.

    sizes   how many n-grams to keep, by order: (30_000, 150_000, 150_000) are words, pairs and triples
    """

    def __init__(self, vocab_size: int, sizes: Sequence[int]) -> None:
        super().__init__()
        if not sizes or min(sizes) < 1:
            raise ValueError(f"sizes must name one number above 0 for each order; got {tuple(sizes)}")
        if vocab_size ** len(sizes) >= NO_KEY:
            raise ValueError(
                f"n-grams of {len(sizes)} out of {vocab_size} words do not fit into int64: use a lower order"
            )
        self.vocab_size, self.sizes = vocab_size, tuple(sizes)
        for order, size in enumerate(self.sizes, start=1):  # buffers: saved with the weights, never trained
            self.register_buffer(f"keys_{order}", torch.full((size,), NO_KEY))
            self.register_buffer(f"votes_{order}", torch.zeros(size))
            # Needed in training alone, and counted anew from the training texts: not saved. Empty till then,
            # and on the CPU even where a model is made without memory, to be filled from a file.
            empty = torch.zeros(0, size, device="cpu")
            self.register_buffer(f"fold_votes_{order}", empty, persistent=False)

    @torch.no_grad()
    def count(self, train_set: EncodedTexts) -> None:
        """Fill the tables from the training texts, of two classes, each with a fold (0, 1, 2 ...)."""
        if train_set.fold is None:
            raise ValueError("the votes are counted fold by fold: encode the texts with folds=...")
        for order, size in enumerate(self.sizes, start=1):
            keys, rows = self.distinct_ngrams(train_set, order)
            keys, places, texts = torch.unique(keys, return_inverse=True, return_counts=True)
            kept = texts.argsort(descending=True, stable=True)[:size].sort().values  # the commonest, by key
            column = torch.full_like(keys, -1)
            column[kept] = torch.arange(len(kept), device=keys.device)
            columns = column[places]
            rows, columns = rows[columns >= 0], columns[columns >= 0]
            cells = (train_set.fold[rows], train_set.labels[rows], columns)
            folds = torch.zeros(int(train_set.fold.max()) + 1, 2, len(kept), device=keys.device)
            folds.index_put_(cells, torch.ones((), device=keys.device), accumulate=True)  # texts with it
            everything = folds.sum(dim=0)  # [2, n-grams]
            table = getattr(self, f"keys_{order}")
            fold_votes = table.new_zeros(len(folds), size, dtype=torch.float32)
            table.fill_(NO_KEY)[: len(kept)] = keys[kept].to(table.device)
            getattr(self, f"votes_{order}").zero_()[: len(kept)] = log_count_ratio(everything)
            fold_votes[:, : len(kept)] = log_count_ratio(everything - folds)
            setattr(self, f"fold_votes_{order}", fold_votes)

    def distinct_ngrams(self, texts: EncodedTexts, order: int) -> tuple[Tensor, Tensor]:
        """The n-grams of every text, each once a text: keys and rows of their texts, both [found]."""
        keys, rows = [], []
        for batch in batches(texts, 256):
            of_row = ngram_keys(batch.ids, order, self.vocab_size).sort(dim=1).values  # [batch, time]
            first = torch.ones_like(of_row, dtype=torch.bool)
            first[:, 1:] = of_row[:, 1:] != of_row[:, :-1]
            first &= of_row >= 0
            keys.append(of_row[first])
            rows.append(batch.rows.to(of_row.device)[first.nonzero()[:, 0]])
        return torch.cat(keys), torch.cat(rows)

    def forward(self, ids: Tensor, fold: Tensor | None = None) -> Tensor:
        """Votes [batch, time, orders] of the n-grams that end at each word; 0 for one that has no vote.

        ids [batch, time]. For training texts fold [batch] is the fold of each, whose texts are not heard.
        """
        if fold is not None and not len(self.fold_votes_1):
            raise ValueError("no votes are counted yet: call `count(train_set)` before training")
        found = []
        for order in range(1, len(self.sizes) + 1):
            table, votes = getattr(self, f"keys_{order}"), getattr(self, f"votes_{order}")
            keys = ngram_keys(ids, order, self.vocab_size)  # [batch, time]
            places = torch.searchsorted(table, keys).clamp(max=table.shape[0] - 1)
            vote = (
                votes[places] if fold is None else getattr(self, f"fold_votes_{order}")[fold[:, None], places]
            )
            found.append(torch.where(table[places] == keys, vote, 0.0))
        return torch.stack(found, dim=2)


def log_count_ratio(texts: Tensor) -> Tensor:
    """The vote [..., n-grams] of counts [..., 2, n-grams]: how many texts of each class hold the n-gram.

    log((positive + 1) / all of positive's) - log((negative + 1) / all of negative's).
    """
    logs = (texts + 1).log() - (texts + 1).sum(dim=-1, keepdim=True).log()
    return logs[..., 1, :] - logs[..., 0, :]
