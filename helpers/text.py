"""From review text to padded batches of token ids.

Taught on `06_text_to_tensors`; used from page 08 on. The road is always the same:

    text --tokenize--> tokens --Vocabulary--> ids --EncodedTexts--> Batch(ids, lengths, labels)

Padding goes to the right and every batch carries the true lengths, so that a model can read
the state at the last *word* and never at a pad.
"""

from __future__ import annotations

import html
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from torch import Tensor

PAD, UNKNOWN = "<pad>", "<unk>"
PAD_ID, UNKNOWN_ID = 0, 1

TAG = re.compile(r"<[a-z/][^<>]{0,80}>", re.IGNORECASE)
TOKEN = re.compile(r"[^\W_]+(?:'[^\W_]+)*|\S")


def tokenize(text: str) -> list[str]:
    """Split `text` into lower-case tokens: words (with inner apostrophes), digit runs, single signs.

    HTML tags such as `<br />` become a space, HTML entities their character, curly apostrophes straight
    ones; accents are kept ("café" is one token). A script written without spaces gives one token a run,
    an emoji one token a code point. Nothing is dropped but white space and tags.

    >>> tokenize("It wasn't bad.<br />10/10!")
    ['it', "wasn't", 'bad', '.', '10', '/', '10', '!']
    """
    if not isinstance(text, str):
        raise TypeError(f"tokenize takes a str, got {type(text).__name__}: {text!r:.60}. Decode bytes first.")
    text = unicodedata.normalize("NFKC", html.unescape(TAG.sub(" ", text)))
    return TOKEN.findall(text.replace("’", "'").lower())


@dataclass(frozen=True)
class Vocabulary:
    """The words a model knows; a word's id is its place in `words`.

    Place 0 is `<pad>`, place 1 is `<unk>`, the word for every word that is not in the list.
    """

    words: tuple[str, ...]

    def __post_init__(self) -> None:
        if self.words[:2] != (PAD, UNKNOWN):
            raise ValueError(f"a vocabulary starts with {PAD!r}, {UNKNOWN!r}; this one with {self.words[:2]}")
        if len(self.index) != len(self.words):
            twice = [word for word, count in Counter(self.words).items() if count > 1]
            raise ValueError(f"every word needs one id; these stand twice: {twice[:5]}")

    @cached_property
    def index(self) -> dict[str, int]:
        """The id of every word."""
        return {word: place for place, word in enumerate(self.words)}

    @classmethod
    def build(cls, texts: Iterable[str], size: int = 10_000) -> Vocabulary:
        """The `size` commonest tokens of `texts`, `<pad>` and `<unk>` counted in.

        Give it the training texts only: a word first met in the test set is unknown, and must be.
        Order: by falling count, then alphabetically, so it is the same in every process.
        """
        if size < 3:
            raise ValueError(f"size counts <pad> and <unk>, so it must be 3 or more; got {size}")
        counts = Counter(token for text in texts for token in tokenize(text))
        if not counts:
            raise ValueError("these texts hold no token: a vocabulary needs one training text with a word")
        ranked = sorted(counts, key=lambda word: (-counts[word], word))
        return cls((PAD, UNKNOWN, *ranked[: size - 2]))

    def __len__(self) -> int:
        return len(self.words)

    def __contains__(self, word: str) -> bool:
        return word in self.index

    def encode(self, tokens: Iterable[str]) -> list[int]:
        """The id of every token; `<unk>` (1) for a token that is not in the vocabulary."""
        return [self.index.get(token, UNKNOWN_ID) for token in tokens]

    def decode(self, ids: Iterable[int]) -> list[str]:
        """The word of every id, pads left out."""
        return [self.words[i] for i in ids if i != PAD_ID]


@dataclass(frozen=True)
class Batch:
    """A padded batch: `ids` [batch, time] int64, `lengths` [batch] int64, `labels` [batch] int64.

    `rows` [batch] int64 says which text of the encoded set each row is; `fold` [batch] int64 which fold of
    the training texts it is in, or is None.
    """

    ids: Tensor
    lengths: Tensor
    labels: Tensor
    rows: Tensor
    fold: Tensor | None = None


@dataclass(frozen=True)
class EncodedTexts:
    """Texts as ids, stored end to end: text r is `flat[starts[r] : starts[r] + lengths[r]]`.

    flat     [tokens]  int32, on any device; batches are built where it lies
    starts   [texts]   int64, on the same device
    lengths  [texts]   int64, on the CPU always, so that planning a batch never waits for a GPU
    labels   [texts]   int64, on the same device as flat
    fold     [texts]   int64, on the same device, or None: the fold of each text, for what is counted over
                       the training texts and read by them (`helpers.votes`)
    """

    flat: Tensor
    starts: Tensor
    lengths: Tensor
    labels: Tensor
    fold: Tensor | None = None

    def __len__(self) -> int:
        return len(self.lengths)

    @property
    def tokens(self) -> int:
        """How many tokens all texts hold together, pads not counted."""
        return int(self.lengths.sum())

    def to(self, device: torch.device | str) -> EncodedTexts:
        """The same texts with ids, starts, labels and folds on `device`."""
        here = (self.flat, self.starts, self.labels, self.fold)
        flat, starts, labels, fold = (t if t is None else t.to(device, non_blocking=True) for t in here)
        return EncodedTexts(flat, starts, self.lengths, labels, fold)

    def batch(self, rows: Tensor) -> Batch:
        """The padded batch of these rows ([batch] int64, on the CPU): time is the longest row's length."""
        lengths = self.lengths[rows]
        device = self.flat.device
        rows_there, lengths_there = rows.to(device), lengths.to(device)
        ids = self.padded(self.starts[rows_there], lengths_there, int(lengths.max()))
        fold = None if self.fold is None else self.fold[rows_there]
        return Batch(ids, lengths_there, self.labels[rows_there], rows, fold)

    def padded(self, starts: Tensor, lengths: Tensor, width: int) -> Tensor:
        """Ids [batch, width] int64 of the texts that start at `starts` and have `lengths`, both [batch]."""
        time = torch.arange(width, device=self.flat.device)
        real = time < lengths[:, None]  # [batch, width]
        places = torch.where(real, starts[:, None] + time, 0)
        return torch.where(real, self.flat[places].long(), PAD_ID)


def shorten(ids: list, most: int) -> list:
    """At most `most` of these ids or tokens: the first quarter of that from the start, the rest from the end.

    Reviewers put the verdict at the end more often than at the start.
    """
    if len(ids) <= most:
        return ids
    head = most // 4
    return ids[:head] + ids[len(ids) - (most - head) :]


def encode(
    texts: Sequence[str],
    labels: Sequence[int],
    vocabulary: Vocabulary,
    max_tokens: int = 400,
    folds: Sequence[int] | None = None,
) -> EncodedTexts:
    """Tokenize and number `texts` (n of them, with n `labels` and, if given, n `folds`).

    A text of more than `max_tokens` tokens is shortened, see `shorten`. A text without any token becomes one
    `<unk>`: the model is asked, and answers what it answers to a word it never met.
    """
    if len(texts) != len(labels):
        raise ValueError(f"every text needs one label; got {len(texts)} texts and {len(labels)} labels")
    if folds is not None and len(texts) != len(folds):
        raise ValueError(f"every text needs one fold; got {len(texts)} texts and {len(folds)} folds")
    if len(texts) == 0:
        raise ValueError("no texts to encode: give at least one")
    if max_tokens < 1:
        raise ValueError(f"max_tokens must be 1 or more; got {max_tokens}")
    rows = (vocabulary.encode(tokenize(text)) or [UNKNOWN_ID] for text in texts)
    return end_to_end((shorten(ids, max_tokens) for ids in rows), labels, folds)


def end_to_end(
    rows: Iterable[list[int]], labels: Sequence[int], folds: Sequence[int] | None = None
) -> EncodedTexts:
    """Lay texts out that are ids already: n rows, none of them empty, with n labels and perhaps n folds."""
    arrays = [np.asarray(ids, dtype=np.int32) for ids in rows]
    lengths = torch.tensor([len(array) for array in arrays])
    return EncodedTexts(
        flat=torch.from_numpy(np.concatenate(arrays)),
        starts=lengths.cumsum(0) - lengths,
        lengths=lengths,
        labels=torch.tensor(np.array(labels, dtype=np.int64)),
        fold=None if folds is None else torch.tensor(np.array(folds, dtype=np.int64)),
    )


def plan_batches(lengths: Tensor, batch_size: int, generator: torch.Generator | None = None) -> list[Tensor]:
    """Which rows go together: row indices by batch, texts of like length side by side ("bucketing").

    With a `generator` (training) ties and neighbours are drawn afresh: every length is blurred by up to
    a tenth before sorting, and the order of the batches is shuffled. Without one (evaluation) the plan is
    the plain sort by length. Every row stands in exactly one batch; only the last batch may be smaller.
    """
    if batch_size < 1:
        raise ValueError(f"batch_size must be 1 or more; got {batch_size}")
    if generator is None:
        return list(torch.argsort(lengths, stable=True).split(batch_size))
    blur = 1 + 0.1 * torch.rand(len(lengths), generator=generator)
    plan = torch.argsort(lengths * blur).split(batch_size)
    return [plan[i] for i in torch.randperm(len(plan), generator=generator).tolist()]


def batches(
    encoded: EncodedTexts, batch_size: int, generator: torch.Generator | None = None
) -> Iterator[Batch]:
    """All texts once, in padded batches of `batch_size`; see `plan_batches` for the order."""
    for rows in plan_batches(encoded.lengths, batch_size, generator):
        yield encoded.batch(rows)
