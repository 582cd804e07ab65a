"""What a recipe makes of a corpus: nothing of validation and test is in what training sees."""

import pandas as pd
import pytest
import torch

from helpers.corpus import Corpus
from helpers.recipes import RECIPES, Recipe, build_model, prepare


def frame(*texts: str) -> pd.DataFrame:
    return pd.DataFrame({"text": texts, "label": [row % 2 for row in range(len(texts))]})


CORPUS = Corpus(
    "small",
    frame("a dull plot", "a fine plot"),
    frame("a grim end", "so fine"),
    frame("a sad end", "good"),
    "",
)


def test_the_vocabulary_knows_words_of_the_training_texts_alone():
    words = prepare(CORPUS, Recipe(50, 10)).vocabulary.words
    assert set(words[2:]) == {"a", "dull", "fine", "plot"}


def test_each_split_is_encoded_from_its_own_texts_with_their_labels():
    data = prepare(CORPUS, Recipe(50, 10))
    for name in ("train", "validation", "test"):
        encoded, split = getattr(data, name), getattr(CORPUS, name)
        batch = encoded.batch(torch.arange(2))
        for row, text in enumerate(split["text"]):
            ids = batch.ids[row, : batch.lengths[row]].tolist()
            assert ids == data.vocabulary.encode(text.split())
        assert batch.labels.tolist() == split["label"].tolist()
    assert data.train.fold is not None and data.validation.fold is None and data.test.fold is None


@pytest.mark.parametrize("recipe", RECIPES.values(), ids=RECIPES)
def test_the_seed_fixes_the_first_weights_of_every_recipe(recipe):
    data = prepare(CORPUS, recipe)
    one, same, other = (build_model(recipe, data, torch.device("cpu"), seed) for seed in (0, 0, 1))
    assert torch.equal(one.fc.weight, same.fc.weight) and not torch.equal(one.fc.weight, other.fc.weight)
