"""The reviews that the course trains and tests on: one door, three corpora (taught in 06).

    from helpers import corpus

    reviews = corpus.load()          # IMDb if it can be had, else the generated twins
    reviews.train                    # a frame with the columns text and label (0 negative, 1 positive)
    print(reviews.card)              # what it is, where it comes from, what it cannot show

`helpers.twins` generates "twins" and "gap"; `helpers.imdb` finds, fetches and reads "imdb".
"""

import os
from dataclasses import dataclass

import pandas as pd

from helpers import imdb, twins
from helpers.imdb import CorpusError
from helpers.twins import NEGATIVE, POSITIVE, anagram_key, denied_twins, polar_words, twin

__all__ = [
    "NEGATIVE",
    "POSITIVE",
    "Corpus",
    "CorpusError",
    "anagram_key",
    "denied_twins",
    "gap",
    "load",
    "polar_words",
    "twin",
    "unlabelled",
]

NAMES = ("auto", "imdb", "twins", "gap")
DEFAULT_DISTANCE = 4  # words; the gap at which an LSTM learns the gap corpus in a few epochs


@dataclass(frozen=True, eq=False, repr=False)
class Corpus:
    """Labelled reviews in three splits, and the data card that goes with them.

    Each split is a frame with the columns ``text`` and ``label`` (0 negative, 1 positive), and others that
    depend on the corpus: see `helpers.imdb.split_frames` and `helpers.twins.twin_frames`. The card is
    Markdown.
    """

    name: str
    train: pd.DataFrame
    validation: pd.DataFrame
    test: pd.DataFrame
    card: str

    def __repr__(self) -> str:
        sizes = ", ".join(
            f"{split} {len(getattr(self, split)):,}" for split in ("train", "validation", "test")
        )
        return f"Corpus({self.name}: {sizes})"


def load(name: str = "auto") -> Corpus:
    """The corpus called ``name``: "imdb", "twins", "gap" or "auto".

    "auto" is what COURSE_CORPUS says (auto, imdb or twins). If that is auto too: IMDb if it is on disk or
    can be fetched (84 MB, once), else the twins, and one printed line says why.

    Raises CorpusError for an unknown name, and if IMDb is asked for by name and no genuine copy can be had.
    """
    if name not in NAMES:
        raise CorpusError(f"There is no corpus {name!r}. Expected one of {', '.join(NAMES)}: load('twins').")
    if name == "auto":
        name = os.environ.get("COURSE_CORPUS") or "auto"
        if name not in NAMES[:3]:
            raise CorpusError(
                f"COURSE_CORPUS is {name!r}. Expected one of {', '.join(NAMES[:3])}: correct it, or unset it."
            )
    if name == "gap":
        return gap()
    if name == "twins":
        return _corpus("twins", twins.twin_frames(), _TWINS_CARD)
    try:
        return _corpus("imdb", imdb.split_frames(), _IMDB_CARD)
    except CorpusError as problem:
        if name == "imdb":
            raise
        reason = str(problem).split(" Expected ")[0]
        print(
            f"corpus: the generated twins take the place of IMDb. {reason} "
            "corpus.load('imdb') says what to do."
        )
        return load("twins")


def gap(distance: int = DEFAULT_DISTANCE) -> Corpus:
    """The corpus of "this year FILLER it was A FILLER . last year FILLER it was B FILLER ."

    ``distance`` is the length of each filler in words, at least 1. Raises CorpusError for any other.
    """
    if not isinstance(distance, int) or distance < 1:
        raise CorpusError(
            f"The distance is {distance!r}. Expected a whole number of words, 1 or more: gap(4)."
        )
    return _corpus("gap", twins.gap_frames(distance), _GAP_CARD.replace("DISTANCE", str(distance)))


def unlabelled() -> pd.DataFrame:
    """The 50,000 reviews of IMDb without a label: one column, ``text``.

    Raises CorpusError if no genuine copy is on disk or to be had.
    """
    return imdb.unlabelled_frame()


def _corpus(name: str, frames: dict[str, pd.DataFrame], card: str) -> Corpus:
    """The corpus with its card: what is true of its kind, then what is counted in these frames."""
    rows = []
    for split, frame in frames.items():
        words = [len(text.split()) for text in frame["text"]]
        rows.append(
            f"| {split} | {len(frame):,} | {frame['label'].mean():.1%} "
            f"| {min(words)} / {sum(words) / len(words):.1f} / {max(words):,} |"
        )
    head = "| split | reviews | positive | words: fewest / mean / most |\n|---|---|---|---|"
    return Corpus(name=name, card="\n".join([card.strip(), "", head, *rows]), **frames)


_TWINS_CARD = """
### Data card: twins

- **What.** Reviews written by a grammar: five domains (film, book, cafe, hotel, phone), 20 positive and 20
  negative adjectives, ten families of sentences. Four in five are twins: two opposite adjectives, of which
  the wording decides which one counts, in quadruples in which each bag of words has both labels. One in
  five is plain: both its adjectives agree. Lower-case tokens, one space between them.
- **Source, licence.** Generated by `helpers/twins.py` from a seed, the same on every machine; MIT, as the
  course.
- **Splits.** Quadruples stay whole; no text and no pair of adjectives is in two splits.
- **Conventions.** In "the plot was A , but the music was B" what follows *but* decides; what follows *even
  if*, *although* or *in spite of* does not. A denial ("my aunt is wrong to say that ...") flips all that
  follows it.
- **What it shows.** Whatever is computed from the bag of words is right on exactly one half of the twins.
- **What it cannot show.** How well a model reads what people write. 100 % on a grammar says nothing about
  real reviews: set IMDb beside it.
- **Prior art.** Pairs that differ in word order: PAWS (Zhang, Baldridge and He 2019). Small changes that
  flip the label: contrast sets (Gardner et al. 2020).
"""

_GAP_CARD = """
### Data card: gap, distance DISTANCE

- **What.** "this year FILLER it was A FILLER . last year FILLER it was B FILLER .", with the years in both
  orders; the label is the polarity of this year's adjective. A filler is DISTANCE hesitations long
  ("perhaps somehow ..."). Four in five reviews are twins, in quadruples; one in five is plain: both
  adjectives agree.
- **Source, licence.** Generated by `helpers/twins.py` from a seed, the same on every machine; MIT, as the
  course.
- **Splits.** Quadruples stay whole; no text and no pair of adjectives is in two splits.
- **What it shows.** Twins have the same bag of n-grams for every n up to DISTANCE (and for two more), so a
  model must carry the year across the filler.
- **What it cannot show.** Anything about reviews that people write.
"""

_IMDB_CARD = """
### Data card: imdb

- **What.** Film reviews of the Internet Movie Database, in English, as written: capitals, `<br />`, slips
  and all. Label 0 stands for 1 to 4 stars, label 1 for 7 to 10; reviews between are left out. Half of each
  split is positive.
- **Source.** Maas, Daly, Pham, Huang, Ng and Potts, "Learning Word Vectors for Sentiment Analysis", ACL
  2011, <https://ai.stanford.edu/~amaas/data/sentiment/>. The labelled reviews are theirs to the byte, by
  SHA-256.
- **Terms.** The archive names no licence; its README asks users to cite the paper. The texts are their
  writers'. This course does not pass them on: each reader fetches them.
- **Splits.** At most 30 reviews a film, and no film in both train and test. The 2,500 validation reviews
  are cut from the archive's train between films, so that those two share no film and no text either: a cut
  at random lets a model recognise films, and flatters it.
- **Limits.** Some films are listed twice, so 123 texts of the archive's train occur in its test as well.
  Only clear verdicts, only films, nothing after 2011, written by people who like to write reviews. Stars
  are not sentiment: many a review retells the plot, or quotes what it disagrees with.
"""
