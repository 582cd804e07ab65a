"""Texts of every kind, to ask a classifier."""

from hypothesis import strategies as st
from small_classifier import WORDS

ANY_TEXT = st.one_of(
    st.text(max_size=60),
    st.text(st.characters(categories=["Cs", "Cc", "Zs", "So", "Lo"]), max_size=30),
    st.lists(
        st.sampled_from([*WORDS, "<br />", "<script>", "👍🏽", "很好", "\x00", "\ud800", "ß", "\ufeff"])
    ).map(" ".join),
)
