"""Predict the next word with the classifier's own embedding and LSTM: what a reader learns without labels.

Taught on `11_attention_and_large_models`; `benchmarks/pretraining.py` does it on 50,000 real reviews. The
loss is page 04's cross-entropy, with one class a word. Papers: Dai and Le, "Semi-supervised Sequence
Learning" (2015), for the idea; Grave et al., "Efficient softmax approximation for GPUs" (2017), for the head
that makes 20,000 classes affordable.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from helpers.model import TextClassifier


def states_and_next(reader: TextClassifier, ids: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
    """The state at each word that has a successor [places, hidden], and that successor [places].

    ids [batch, time] int64, padded on the right; lengths [batch]. A state has seen its own word and all
    before it, and nothing of the word to be guessed; pads are neither guessed nor guessed from.
    """
    states, _ = reader.lstm(reader.embedding(ids))  # [batch, time, hidden]
    time = torch.arange(ids.shape[1] - 1, device=ids.device)
    followed = time < lengths[:, None] - 1  # [batch, time - 1]
    return states[:, :-1][followed], ids[:, 1:][followed]


def next_word_loss(head: nn.Module, states: Tensor, words: Tensor) -> Tensor:
    """Mean cross-entropy in nats of the true next words. states [places, hidden], words [places].

    head: a Linear with one logit a word, or an AdaptiveLogSoftmaxWithLoss over as many words.
    """
    if isinstance(head, nn.AdaptiveLogSoftmaxWithLoss):
        return head(states, words).loss
    return F.cross_entropy(head(states).float(), words)


def adaptive_head(reader: TextClassifier, cutoffs: tuple[int, ...] = (1_000, 5_000)) -> nn.Module:
    """A next-word head for a large vocabulary, in which ids fall in frequency: rare words cost little.

    Each word beyond a cutoff is reached in two steps, its group and then the word within the group, and the
    groups of rare words are read from fewer features. The probabilities still add up to 1 over all words.
    """
    words = reader.embedding.num_embeddings
    kept = [cutoff for cutoff in cutoffs if cutoff < words] or [words // 2]
    return nn.AdaptiveLogSoftmaxWithLoss(reader.lstm.hidden_size, words, kept, div_value=2.0)


def hand_over(reader: TextClassifier, classifier: TextClassifier) -> None:
    """Give `classifier` the embedding and the LSTM of `reader`; its last layer stays as it is."""
    for part in ("embedding", "lstm"):
        getattr(classifier, part).load_state_dict(getattr(reader, part).state_dict())
