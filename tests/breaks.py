"""Ways to break the course, each with the part of the test command that must notice.

A list to be read and added to; `break_the_course.py` makes the breaks, in a copy, and writes the table of
what noticed them. A break is an exact text that is replaced once, or a change of the cells of a page. Choose
what a tired author might do by mistake, and name the smallest part of the tests that ought to see it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import nbformat
from nbformat import NotebookNode

Change = Callable[[NotebookNode], None]


@dataclass(frozen=True)
class Break:
    """what: in words. file: where. noticed_by: files of tests, pages or node ids, as pytest takes them.

    old, new: the text that is replaced, once; or change: what is done to the page.
    """

    what: str
    file: str
    noticed_by: tuple[str, ...]
    old: str = ""
    new: str = ""
    change: Change | None = None

    def applied(self, text: str) -> str:
        """The broken text of the file. ValueError if the break does not fit the file any more."""
        if self.change is not None:
            page = nbformat.reads(text, as_version=4)
            self.change(page)
            broken = nbformat.writes(page) + "\n"
        else:
            broken = replaced(text, self.old, self.new)
        if broken == text:
            raise ValueError(f"{self.what}: nothing of {self.file} is changed")
        return broken


def replaced(text: str, old: str, new: str) -> str:
    """`text` with `old`, which must stand in it exactly once, replaced."""
    if text.count(old) != 1:
        raise ValueError(f"expected once, found {text.count(old)} times: {old!r}")
    return text.replace(old, new)


# Changes of a page


def cell_of(page: NotebookNode, cell_id: str) -> NotebookNode:
    (cell,) = (cell for cell in page.cells if cell.id == cell_id)
    return cell


def source(cell_id: str, old: str, new: str) -> Change:
    """In the source of one cell, `old` becomes `new`."""

    def change(page: NotebookNode) -> None:
        cell = cell_of(page, cell_id)
        cell.source = replaced(cell.source, old, new)

    return change


def printed(cell_id: str, old: str, new: str) -> Change:
    """In what a cell has printed, `old` becomes `new`."""

    def change(page: NotebookNode) -> None:
        (output,) = (one for one in cell_of(page, cell_id).outputs if one.output_type == "stream")
        output.text = replaced(output.text, old, new)

    return change


def metadata(cell_id: str, **changes: object) -> Change:
    return lambda page: cell_of(page, cell_id).metadata.update(changes)


def without(cell_id: str) -> Change:
    return lambda page: page.cells.remove(cell_of(page, cell_id))


def output_cleared(cell_id: str) -> Change:
    def change(page: NotebookNode) -> None:
        assert cell_of(page, cell_id).outputs
        cell_of(page, cell_id).outputs = []

    return change


def all_outputs_cleared(page: NotebookNode) -> None:
    for cell in page.cells:
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None


def out_of_order(page: NotebookNode) -> None:
    first, second = [cell for cell in page.cells if cell.cell_type == "code"][:2]
    first.execution_count, second.execution_count = second.execution_count, first.execution_count


def swapped(one: str, other: str) -> Change:
    """Two cells exchange their sources."""

    def change(page: NotebookNode) -> None:
        first, second = cell_of(page, one), cell_of(page, other)
        first.source, second.source = second.source, first.source

    return change


def warned(cell_id: str) -> Change:
    def change(page: NotebookNode) -> None:
        said = nbformat.v4.new_output("stream", name="stderr", text="FutureWarning: soon\n")
        cell_of(page, cell_id).outputs.append(said)

    return change


def picture_cut(cell_id: str) -> Change:
    def change(page: NotebookNode) -> None:
        (output,) = (one for one in cell_of(page, cell_id).outputs if "image/png" in one.get("data", {}))
        output.data["image/png"] = output.data["image/png"][40:]

    return change


# Where a break must be noticed


def test(file: str, *names: str) -> tuple[str, ...]:
    """Tests of tests/test_FILE.py: those named, or all."""
    path = f"tests/test_{file}.py"
    return tuple(f"{path}::test_{name}" for name in names) or (path,)


def stored(page: str, name: str) -> tuple[str, ...]:
    return test("notebooks", f"{name}[{page}]")


START, CHAIN, TAPE, SQUARES = "00_start_here", "01_chain_rule", "02_backpropagation", "03_mean_squared_error"
PRICE, LAYERS, WORDS, MEMORY = "04_cross_entropy", "05_matrix_backprop", "06_text_to_tensors", "07_lstm_cell"
REPAIR, TRAINING, SERVING = "08_repairing_the_classifier", "09_training_on_gpu", "10_evaluating_and_serving"
LARGE = "11_attention_and_large_models"


def on(page: str) -> str:
    return f"notebooks/{page}.ipynb"


# The engine: slopes, gradients and how they are checked

ENGINE = [
    Break(
        "a sign in the slope of a difference",
        "helpers/autograd.py",
        test("autograd", "plain_numbers_work_on_either_side"),
        "(1.0, -1.0)",
        "(1.0, 1.0)",
    ),
    Break(
        "slopes of several paths overwrite each other",
        "helpers/autograd.py",
        test("autograd", "a_value_used_four_times_in_two_steps_has_slope_four"),
        "source.grad += node.grad * slope",
        "source.grad = node.grad * slope",
    ),
    Break(
        "the tape is walked from the inputs",
        "helpers/autograd.py",
        test("autograd", "the_worked_example_has_slopes_25_and_19"),
        "for node in reversed(order):",
        "for node in order:",
    ),
    Break(
        "tanh takes its slope from its input",
        "helpers/autograd.py",
        test("autograd", "the_slope_of_tanh_is_taken_at_its_output"),
        "(1 - result**2,)",
        "(1 - self.data**2,)",
    ),
    Break(
        "the gradient check lets every difference pass",
        "helpers/gradcheck.py",
        test("gradcheck", "a_wrong_gradient_is_flagged"),
        "if error > tolerance:",
        "if error > 10:",
    ),
    Break(
        "the gradient check is blind for small gradients",
        "helpers/gradcheck.py",
        test("gradcheck", "a_tiny_gradient_that_is_twice_too_large_is_flagged"),
        "NOISE_FLOOR = 1e-3",
        "NOISE_FLOOR = 10.0",
    ),
    Break(
        "the ruler leans to one side",
        "helpers/gradcheck.py",
        test("gradcheck", "the_error_of_a_central_difference_falls_as_the_square_of_the_step"),
        "return (f(x + h) - f(x - h)) / (2 * h)",
        "return (f(x + h) - f(x)) / h",
    ),
]

# Texts, and the corpora

TEXTS = [
    Break(
        "pads hold words of the next review",
        "helpers/text.py",
        test("text", "a_batch_holds_its_texts_padded_right_with_true_lengths"),
        "return torch.where(real, self.flat[places].long(), PAD_ID)",
        "return self.flat[places].long()",
    ),
    Break(
        "a long review keeps only its start",
        "helpers/text.py",
        test("text", "a_long_text_keeps_its_first_quarter_and_its_end"),
        "return ids[:head] + ids[len(ids) - (most - head) :]",
        "return ids[:most]",
    ),
    Break(
        "batches are not formed by length any more",
        "helpers/text.py",
        test("text", "bucketing_leaves_little_padding_where_a_random_order_leaves_much"),
        "plan = torch.argsort(lengths * blur).split(batch_size)",
        "plan = torch.argsort(blur).split(batch_size)",
    ),
    Break(
        "equally frequent words are numbered by chance",
        "helpers/text.py",
        test("text", "words_are_ranked_by_count_and_then_by_alphabet"),
        "key=lambda word: (-counts[word], word)",
        "key=lambda word: (-counts[word], hash(word))",
    ),
    Break(
        "the vocabulary is built from all splits",
        "helpers/recipes.py",
        test("recipes"),
        'vocabulary = Vocabulary.build(corpus.train["text"], recipe.vocabulary_size)',
        'texts = [*corpus.train["text"], *corpus.validation["text"], *corpus.test["text"]]\n'
        "    vocabulary = Vocabulary.build(texts, recipe.vocabulary_size)",
    ),
    Break(
        "validation is a part of the training texts",
        "helpers/recipes.py",
        test("recipes"),
        "rest = (corpus.validation, corpus.test)",
        "rest = (corpus.train, corpus.test)",
    ),
    Break(
        "theorem 1 of the twins: a review has no anagram of the other label",
        "helpers/twins.py",
        test("twins", "every_twin_has_an_anagram_with_the_opposite_label"),
        "(form.format(*order), POLARITY[order[decides]])",
        "(form.format(*order), POLARITY[pair[decides]])",
    ),
    Break(
        "theorem 2 of the twins: the first adjective always decides",
        "helpers/twins.py",
        test("twins", "in_a_quadruple_each_order_of_the_adjectives_has_both_labels"),
        "(form.format(*order), POLARITY[order[decides]])",
        "(form.format(*order), POLARITY[order[0]])",
    ),
    Break(
        "theorem 3 of the twins: the fillers of the gap corpus differ between the sentences",
        "helpers/twins.py",
        test(
            "twins", "in_the_gap_corpus_this_years_adjective_decides_and_both_sentences_have_the_same_fillers"
        ),
        'return f"{this} {last}", f"{last} {this}"',
        'return f"{this} {last}", f"{last} {this}".replace("{} ", "{} now ", 1)',
    ),
    Break(
        "one family of twins means the opposite of what it says",
        "helpers/twins.py",
        test("twins", "a_reader_who_knows_the_conventions_agrees_with_every_label"),
        "the {N} was {A} , but the {M} was {B}",
        "the {N} was {A} , even though the {M} was {B}",
    ),
    Break(
        "a denial does not flip the label",
        "helpers/twins.py",
        test("twins", "a_reader_who_knows_the_conventions_agrees_with_every_label"),
        "label ^ denials % 2",
        "label",
    ),
    Break(
        "test pairs of adjectives are trained on",
        "helpers/twins.py",
        test("twins", "splits_share_no_pair_of_adjectives"),
        'return {"train": pairs[test:],',
        'return {"train": pairs[validation:],',
    ),
    Break(
        "an archive with a member dropped passes",
        "helpers/imdb.py",
        test("imdb", "an_archive_with_one_review_dropped_is_refused"),
        "if counts != part.counts:",
        "if False:",
    ),
    Break(
        "an archive with other reviews passes",
        "helpers/imdb.py",
        test("imdb", "an_archive_with_the_right_numbers_but_another_review_is_refused"),
        "if _digest(found) != part.sha256:",
        "if False:",
    ),
    Break(
        "an archive may name files outside of its folder",
        "helpers/imdb.py",
        test("imdb", "an_archive_with_a_suspect_member_is_refused"),
        'if member.name.startswith("/") or ".." in re.split(r"[/\\\\]", member.name):',
        "if False:",
    ),
    Break(
        "an altered cache of the reviews is believed",
        "helpers/imdb.py",
        test("imdb", "a_cache_that_is_damaged_altered_or_of_another_format_is_made_anew"),
        "return found if _digest(found) == part.sha256 else None",
        "return found",
    ),
    Break(
        "a validation range is moved by one review",
        "helpers/imdb.py",
        test(
            "imdb",
            "validation_is_a_tenth_of_each_class_and_keeps_the_film_that_is_listed_twice_on_one_side",
        ),
        '"pos": (range(1250),)',
        '"pos": (range(1251),)',
    ),
]

# The model, its votes and its training

MODEL = [
    Break(
        "the forget bias goes to the input gate",
        "helpers/model.py",
        test("model", "the_forget_bias_goes_to_the_forget_gate_alone_and_once"),
        "bias[quarter : 2 * quarter] = value",
        "bias[:quarter] = value",
    ),
    Break(
        "the state is read after the pads",
        "helpers/model.py",
        test("model", "the_classifier_has_all_four_properties"),
        "return states[rows, lengths - 1]",
        "return states[rows, -1]",
    ),
    Break(
        "the maximum over time counts pads",
        "helpers/model.py",
        test("model", "the_classifier_has_all_four_properties"),
        "states.masked_fill(~real_words(states, lengths), torch.finfo(states.dtype).min)",
        "states",
    ),
    Break(
        "batch and time are exchanged",
        "helpers/model.py",
        test("model", "the_classifier_has_all_four_properties"),
        "hidden_dim, batch_first=True)",
        "hidden_dim)",
    ),
    Break(
        "the padding test pads nothing",
        "helpers/invariants.py",
        test("model", "batch_first_alone_still_reads_the_padding"),
        "F.pad(ids, (0, pads), value=0)",
        "F.pad(ids, (0, 0), value=0)",
    ),
    Break(
        "a fold leak: a training text hears its own label among the votes",
        "helpers/votes.py",
        test("votes", "changing_a_texts_own_label_does_not_change_what_it_hears_in_training"),
        "log_count_ratio(everything - folds)",
        "log_count_ratio(everything.expand_as(folds))",
    ),
    Break(
        "the softmax of the votes runs along the classes",
        "helpers/votes.py",
        test("votes", "a_vote_by_hand"),
        "(texts + 1).sum(dim=-1, keepdim=True)",
        "(texts + 1).sum(dim=-2, keepdim=True)",
    ),
    Break(
        "a model with votes may be trained without folds",
        "helpers/model.py",
        test("votes", "in_training_a_batch_without_folds_is_refused"),
        "if self.training and fold is None:",
        "if False:",
    ),
    Break(
        "an unknown word votes",
        "helpers/votes.py",
        test("votes", "keys_are_the_digits_of_the_last_words_and_refuse_pads_and_unknowns"),
        "keys, known = ids, ids > UNKNOWN_ID",
        "keys, known = ids, ids > 0",
    ),
    Break(
        "a word counts as often as a text says it",
        "helpers/votes.py",
        test("votes", "votes_are_scikit_learns_naive_bayes_order_by_order"),
        "            first[:, 1:] = of_row[:, 1:] != of_row[:, :-1]\n",
        "",
    ),
    Break(
        "words that were never counted vote like a neighbour in the table",
        "helpers/votes.py",
        test("votes", "only_the_commonest_are_kept_and_the_rest_is_silent"),
        "torch.where(table[places] == keys, vote, 0.0)",
        "vote",
    ),
    Break(
        "a reader without labels is asked for the word that it has just read",
        "helpers/language_model.py",
        test("page_11", "every_word_but_the_last_is_asked_and_pads_are_not"),
        "states[:, :-1][followed], ids[:, 1:][followed]",
        "states[:, :-1][followed], ids[:, :-1][followed]",
    ),
    Break(
        "pads are words to be guessed",
        "helpers/language_model.py",
        test("page_11", "every_word_but_the_last_is_asked_and_pads_are_not"),
        "followed = time < lengths[:, None] - 1",
        "followed = time < lengths[:, None]",
    ),
    Break(
        "a pretrained reader hands over its embedding and keeps its LSTM",
        "helpers/language_model.py",
        test("page_11", "what_is_handed_over_is_the_embedding_and_the_lstm_and_nothing_else"),
        'for part in ("embedding", "lstm"):',
        'for part in ("embedding",):',
    ),
    Break(
        "gradients are not clipped",
        "helpers/learner.py",
        test("training", "a_step_is_the_one_that_the_page_writes"),
        "clip_grad_norm_(self.model.parameters(), self.settings.clip)",
        'clip_grad_norm_(self.model.parameters(), float("inf"))',
    ),
    Break(
        "gradients of one step stay for the next",
        "helpers/learner.py",
        test("training", "a_step_is_the_one_that_the_page_writes"),
        "        self.optimizer.zero_grad(set_to_none=True)\n",
        "",
    ),
    Break(
        "the learning rate does not fall to zero",
        "helpers/learner.py",
        test("training", "the_learning_rate_rises_then_falls_to_zero"),
        "(steps - step) / max(1, steps - rise)",
        "(steps - step / 2) / max(1, steps - rise)",
    ),
    Break(
        "the epoch is chosen on the training texts",
        "helpers/training.py",
        test("training", "the_model_is_left_with_its_best_validation_epoch"),
        "lambda: evaluate(model, validation_set, learner.precision)",
        "lambda: evaluate(model, train_set, learner.precision)",
    ),
    Break(
        "the last epoch's weights are kept, not the best",
        "helpers/training.py",
        test("training", "the_model_is_left_with_its_best_validation_epoch"),
        'if best["weights"] is not None:',
        "if False:",
    ),
    Break(
        "the command reports validation as test",
        "helpers/training.py",
        test("training", "the_command_trains_on_a_corpus_and_reads_the_test_set_once"),
        "lambda: evaluate(model, data.test, run.precision)",
        "lambda: evaluate(model, data.validation, run.precision)",
    ),
    Break(
        "dropout stays on while measuring",
        "helpers/measuring.py",
        test("training", "the_model_is_left_with_its_best_validation_epoch"),
        "    model.eval()\n",
        "",
    ),
    Break(
        "logits come back in the order of the batches",
        "helpers/measuring.py",
        test("training", "logits_come_back_in_the_order_of_the_texts"),
        "logits[torch.cat(plan)] = torch.cat(found).cpu()",
        "logits[:] = torch.cat(found).cpu()",
    ),
    Break(
        "accuracy is measured against the less likely class",
        "helpers/measuring.py",
        test("training", "accuracy_is_a_mean_over_texts_not_over_batches"),
        "logits.argmax(dim=1) == labels",
        "logits.argmin(dim=1) == labels",
    ),
]

# What is kept and what is served

KEPT = [
    Break(
        "a checkpoint is written in place, not renamed into it",
        "helpers/checkpoints.py",
        test("checkpoints", "killed_in_the_middle_of_a_save_the_old_checkpoint_is_whole"),
        'part = path.with_name(f"{path.name}.{os.getpid()}.part")',
        "part = path",
    ),
    Break(
        "a checkpoint may run code",
        "helpers/checkpoints.py",
        test("checkpoints", "code_in_a_checkpoint_is_refused_and_not_run"),
        "weights_only=True",
        "weights_only=False",
    ),
    Break(
        "a flipped bit in a checkpoint is not looked for",
        "helpers/checkpoints.py",
        test("checkpoints", "every_flipped_bit_is_noticed_or_harmless"),
        "damaged = archive.testzip()",
        "damaged = None",
    ),
    Break(
        "a run is resumed on other texts",
        "helpers/checkpoints.py",
        test("checkpoints", "a_checkpoint_of_another_run_is_refused_with_what_differs"),
        "if found[name] != value:",
        "if False:",
    ),
    Break(
        "a classifier's files are not held to their digests",
        "helpers/artefact.py",
        test("artefact", "an_altered_file_is_refused_by_name"),
        "if _digest(content) == digest:",
        "if True:",
    ),
    Break(
        "a classifier's configuration may be edited",
        "helpers/artefact.py",
        test("artefact", "an_edited_configuration_is_refused"),
        'if config.get("sha256") != _digest_of_config(config):',
        "if False:",
    ),
    Break(
        "a classifier's weights may run code",
        "helpers/artefact.py",
        test("artefact", "code_hidden_in_the_weights_is_not_run"),
        "weights_only=True",
        "weights_only=False",
    ),
    Break(
        "another way of cutting words is not noticed",
        "helpers/artefact.py",
        test("artefact", "a_classifier_saved_with_another_way_of_cutting_words_is_refused"),
        'if config["probe"] != tokenize(PROBE):',
        "if False:",
    ),
    Break(
        "a classifier is saved among files that are not its own",
        "helpers/artefact.py",
        test("artefact", "a_folder_with_other_files_is_not_overwritten"),
        "if names - {WEIGHTS, VOCABULARY, CONFIG} or strange_config:",
        "if False:",
    ),
    Break(
        "the words that mattered have the wrong sign",
        "helpers/predict.py",
        test("predict", "a_word_matters_as_much_as_the_probability_changes_without_it"),
        "(probabilities[0, label] - probabilities[1:, label])",
        "(probabilities[1:, label] - probabilities[0, label])",
    ),
    Break(
        "the service takes any number of texts",
        "helpers/serve.py",
        test("serve", "what_asks_wrongly_is_refused"),
        "if len(texts) > most:",
        "if False:",
    ),
    Break(
        "the service takes a body of any size",
        "helpers/serve.py",
        test("serve", "a_body_that_is_too_large_is_refused"),
        "    if size > LARGEST_BODY:\n",
        "    if False:\n",
    ),
    Break(
        "the service lets everybody wait",
        "helpers/serve.py",
        test("serve", "more_waiting_than_allowed_are_sent_away"),
        "if waiting >= MOST_WAITING:",
        "if False:",
    ),
    Break(
        "the service tells the insides of a failure",
        "helpers/serve.py",
        test("serve", "a_failure_inside_is_told_without_its_insides"),
        "async def failed(_: Request, __: Exception) -> Response:\n"
        '        return Json({"error": "the server failed at this; its own output says why"}, 500)',
        "async def failed(_: Request, error: Exception) -> Response:\n"
        '        return Json({"error": f"the server failed at this: {error}"}, 500)',
    ),
    Break(
        "the service listens to the whole network",
        "helpers/serve.py",
        test("serve", "only_this_machine_can_ask_unless_told_otherwise"),
        '"--host", default="127.0.0.1"',
        '"--host", default="0.0.0.0"',
    ),
    Break(
        "any page in the same browser may ask the service",
        "helpers/serve.py",
        test("serve", "what_is_not_announced_as_json_is_refused"),
        'request.headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":',
        "False:",
    ),
]

# The pages: derivations, numbers, outputs, form

PAGES = [
    Break(
        "a sign in the formula of a derivation",
        on(PRICE),
        test("formulas"),
        change=source("04-gradient", "&= p_i - y_i &&", "&= p_i + y_i &&"),
    ),
    Break(
        "an index in the formula of a derivation",
        on(LAYERS),
        test("formulas"),
        change=source("05-letters-text", r"\sum_j dZ_{nj}\; W_{ij}", r"\sum_j dZ_{nj}\; W_{ji}"),
    ),
    Break(
        "a sign in the backward pass of the LSTM",
        on(MEMORY),
        test("page_07", "the_own_lstm_is_torchs_for_any_sizes_in_states_and_all_gradients"),
        change=source("07-step-backward-run", "(1 - t**2)  # two", "(1 + t**2)  # two"),
    ),
    Break(
        "two gates exchanged in the LSTM of the page",
        on(MEMORY),
        test("page_07", "the_own_lstm_is_torchs_for_any_sizes_in_states_and_all_gradients"),
        change=source("07-step-forward", "z_i, z_f, z_g, z_o = Z", "z_f, z_i, z_g, z_o = Z"),
    ),
    Break(
        "a transpose lost in the linear layer",
        on(LAYERS),
        test("page_05", "a_layers_rules_are_those_of_autograd_for_any_sizes"),
        change=source("05-linear", "return dZ @ self.W.T", "return dZ @ self.W"),
    ),
    Break(
        "batch_first taken out of the repair",
        on(REPAIR),
        test("page_08", "read_at_the_true_length_a_review_scores_as_it_does_alone_and_without_pads"),
        change=source("08-batch-first", ", batch_first=True", ""),
    ),
    Break(
        "the best weights are not copied",
        on(REPAIR),
        test("page_08", "fit_leaves_the_model_with_the_weights_of_its_best_epoch"),
        change=source("08-fit", "copy.deepcopy(model.state_dict())", "model.state_dict()"),
    ),
    Break(
        "clipped before the loss scale is taken off",
        on(TRAINING),
        test("page_09", "clipping_before_unscaling_shortens_the_step_by_the_scale"),
        change=source("09-clip-order", "    if unscale_first:", "    if not unscale_first and scale < 0:"),
    ),
    Break(
        "recall is computed in the column of precision",
        on(SERVING),
        test("page_10", "counts_and_measures_are_scikit_learns_also_where_nothing_was_flagged"),
        change=source(
            "10-confusion", "2 * truth.long() + predicted.long()", "2 * predicted.long() + truth.long()"
        ),
    ),
    Break(
        "the temperature is searched on the wrong side",
        on(SERVING),
        test("page_10", "the_temperature_that_was_put_in_is_found_again"),
        change=source("10-fit-temperature", "score, truth) < 0 else", "score, truth) > 0 else"),
    ),
    Break(
        "attention without its root",
        on(LARGE),
        test("page_11", "attention_is_torchs_and_what_is_forbidden_gets_exactly_nothing"),
        change=source("11-attention", " / math.sqrt(Q.shape[-1])", ""),
    ),
    Break(
        "a class on a page is not the helper's any more",
        on(TAPE),
        test("page_definitions", f"page_and_helpers_define_the_same_thing_the_same_way[{TAPE}]"),
        change=source("02-value", "self.grad = 0.0", "self.grad = 1.0"),
    ),
    Break(
        "a number in prose that no cell prints",
        on(PRICE),
        stored(PRICE, "numbers_in_prose_are_held_by_a_cell"),
        change=source("04-read-prices", "costs 0.2231", "costs 0.2331"),
    ),
    Break(
        "a number in a closing table that no cell prints",
        on(TRAINING),
        stored(TRAINING, "numbers_in_prose_are_held_by_a_cell"),
        change=source("09-keep", "| 0.571 |", "| 0.581 |"),
    ),
    Break(
        "a number of a worked example that no cell prints",
        on(SERVING),
        stored(SERVING, "numbers_in_prose_are_held_by_a_cell"),
        change=source("10-temperature-after", "= 0.3296$", "= 0.3926$"),
    ),
    Break(
        "a printed number edited by hand",
        on(CHAIN),
        (on(CHAIN),),
        change=printed("01-central", "6.000000", "6.000001"),
    ),
    Break(
        "a cell changed and not run again",
        on(CHAIN),
        (on(CHAIN),),
        change=source("01-forward", "w, x, b, y = 2.0, 3.0", "w, x, b, y = 2.0, 4.0"),
    ),
    Break(
        "the output of one cell cleared",
        on(CHAIN),
        (on(CHAIN),),
        change=output_cleared("01-forward"),
    ),
    Break(
        "all outputs of a page cleared",
        on(CHAIN),
        stored(CHAIN, "page_is_stored_as_run_top_to_bottom"),
        change=all_outputs_cleared,
    ),
    Break(
        "cells run in another order",
        on(LAYERS),
        stored(LAYERS, "page_is_stored_as_run_top_to_bottom"),
        change=out_of_order,
    ),
    Break(
        "a warning left in the output",
        on(SQUARES),
        stored(SQUARES, "nothing_is_written_to_stderr"),
        change=warned("03-one-parameter"),
    ),
    Break(
        "a path of the author's machine in an output",
        on(CHAIN),
        stored(CHAIN, "page_shows_no_path_of_the_machine_it_ran_on"),
        change=printed("01-central", "dL/dw", "/home/me/course: dL/dw"),
    ),
    Break(
        "a timing in a compared cell",
        on(CHAIN),
        stored(CHAIN, "compared_cells_print_no_timings"),
        change=printed("01-central", "6.000000", "6.000000 after 0.3 seconds"),
    ),
    Break(
        "a cell taken out of the comparison",
        on(PRICE),
        stored(PRICE, "ignored_cells_are_followed_by_a_compared_one"),
        change=metadata("04-slider-seen", tags=["nbval-ignore-output"]),
    ),
    Break(
        "the sentence under a figure removed",
        on(CHAIN),
        stored(CHAIN, "figures_are_followed_by_a_sentence"),
        change=without("01-chain-figure-says"),
    ),
    Break(
        "a damaged picture",
        on(CHAIN),
        stored(CHAIN, "figures_are_whole_and_fit_the_page"),
        change=picture_cut("01-chain-figure"),
    ),
    Break(
        "no key idea at the end",
        on(MEMORY),
        stored(MEMORY, "key_idea_stands_at_top_and_end"),
        change=source("07-keep", "> **Key idea.** A gate decides", "> A gate decides"),
    ),
    Break(
        "the key idea on the page is not the one of the map",
        on(SQUARES),
        test("course", "the_map_has_the_key_idea_of_the_page[03]"),
        change=source("03-title", "the curvature limits the step", "the curvature sets the step"),
    ),
    Break(
        "the minutes of a page changed",
        on(SQUARES),
        test("course", "the_map_has_the_minutes_of_the_page[03]"),
        change=source("03-title", "60 minutes to read", "40 minutes to read"),
    ),
    Break(
        "a section without its minutes",
        on(SQUARES),
        stored(SQUARES, "sections_say_their_minutes"),
        change=source("03-which-way", "*6 minutes*\n\n", ""),
    ),
    Break(
        "a section that may wait is not counted in the opening",
        on(SQUARES),
        test("course", "the_opening_says_how_many_of_its_minutes_may_wait_for_a_second_reading[03]"),
        "60 minutes to read, 11 of them for a second reading",
        "60 minutes to read, 8 of them for a second reading",
    ),
    Break(
        "a page asks for another page than the map says",
        "helpers/course.py",
        test("course", "the_list_has_the_pages_that_an_opening_asks_for[04]"),
        '"the loss", 60, ("01", "02", "03")',
        '"the loss", 60, ("01", "02")',
    ),
    Break(
        "a second title",
        on(LAYERS),
        stored(LAYERS, "one_title_and_headings_in_order"),
        change=source("05-close", "## ", "# "),
    ),
    Break(
        "a cell of more than thirty lines",
        on(TAPE),
        stored(TAPE, "cells_are_short"),
        change=source(
            "02-as-value", "product = ", "\n".join(f"n{i} = {i}" for i in range(30)) + "\nproduct = "
        ),
    ),
    Break(
        "a link to a page that is not there",
        on(MEMORY),
        stored(MEMORY, "links_lead_somewhere"),
        change=source("07-s3", "00_start_here.ipynb#term-forget-gate", "00_start.ipynb#term-forget-gate"),
    ),
    Break(
        "a term dropped from the glossary that pages link to",
        on(START),
        stored(MEMORY, "links_lead_somewhere"),
        change=source("00-glossary", '<a id="term-forget-gate"></a>', ""),
    ),
    Break(
        "a term of the glossary without a Chinese name",
        on(START),
        test("course", "the_glossary_gives_each_term_an_anchor_a_chinese_name_one_sentence_and_a_page"),
        change=source("00-glossary", "| 遗忘门 |", "| |"),
    ),
]

# The exercises

EXERCISES = [
    Break(
        "a wrong solution on a page",
        on(CHAIN),
        test("exercises", "the_solution_on_the_page_is_right[01.1]"),
        change=source("01-solution-1", "guess = 6\n", "guess = 9\n"),
    ),
    Break(
        "a solution of code with a wrong sign",
        on(LAYERS),
        test("exercises", "the_solution_on_the_page_is_right[05.5]"),
        change=source("05-ex5-solution", "(log_p.exp() - y) / len(X)", "(y - log_p.exp()) / len(X)"),
    ),
    Break(
        "a solution that stops the clock before the work is done",
        on(TRAINING),
        test("exercises", "the_solution_on_the_page_is_right[09.5]"),
        change=source("09-ex5-solution", "    work()\n    device.synchronize()\n", "    work()\n"),
    ),
    Break(
        "a solution that keeps a mirror of the best weights",
        on(SERVING),
        test("exercises", "the_solution_on_the_page_is_right[10.5]"),
        change=source("10-ex-10-5-solution", "copy.deepcopy(model.state_dict())", "dict(model.state_dict())"),
    ),
    Break(
        "a solution whose softmax runs over the queries",
        on(LARGE),
        test("exercises", "the_solution_on_the_page_is_right[11.1]"),
        change=source("11-ex1-solution", "scores.softmax(dim=1)", "scores.softmax(dim=0)"),
    ),
    Break(
        "hints of two late exercises exchanged",
        on(LARGE),
        test("exercises", "the_folded_hints_are_those_of_the_exercise[11.1]"),
        change=swapped("11-ex1-hints", "11-ex2-hints"),
    ),
    Break(
        "a known mistake of page 10 is not recognised any more",
        "helpers/exercises/page10.py",
        test("exercises", "every_known_mistake_has_a_wrong_answer_that_shows_it[10.2]"),
        ', Fingerprint("BR02", "b")',
        "",
    ),
    Break(
        "the hints of two exercises exchanged",
        on(CHAIN),
        test("exercises", "the_folded_hints_are_those_of_the_exercise[01.1]"),
        change=swapped("01-hints-1", "01-hints-2"),
    ),
    Break(
        "the smaller step given before the question",
        "helpers/exercises/machinery.py",
        test("exercises", "hints_go_from_a_question_over_a_smaller_step_to_the_solution[01.1-DC01-1]"),
        '(f"Think: {question}", f"A smaller step: {step}", TO_THE_SOLUTION)',
        '(f"A smaller step: {step}", f"Think: {question}", TO_THE_SOLUTION)',
    ),
    Break(
        "a hint that tells the answer",
        "helpers/exercises/page01.py",
        test("exercises", "no_hint_gives_the_answer_away[01.1]"),
        "Put w = 2.001 into the formula.",
        "The answer is 6. Put w = 2.001 into the formula.",
    ),
    Break(
        "a misconception removed from the catalogue",
        "helpers/exercises/misconceptions.csv",
        test("exercises", "every_row_of_the_catalogue_is_used_and_every_id_has_a_row"),
        "\nDC01,derivative & chain rule,",
        "\nDC99,derivative & chain rule,",
    ),
    Break(
        "a known mistake is not recognised any more",
        "helpers/exercises/page05.py",
        test("exercises", "every_known_mistake_has_a_wrong_answer_that_shows_it[05.1]"),
        '            Fingerprint("MB09", [0.0, 0.5]),\n',
        "",
    ),
    Break(
        "a mistake is given another mistake's name",
        "helpers/exercises/page05.py",
        test("exercises", "a_known_mistake_is_named[05.1-MB09-3]"),
        'Fingerprint("MB09", [0.0, 0.5])',
        'Fingerprint("MB12", [0.0, 0.5])',
    ),
    Break(
        "a stub that stops with an error",
        on(CHAIN),
        test("exercises", "a_stub_is_not_done_yet[01.1]"),
        change=source("01-stub-1", "guess = ...", "guess = ... + 1"),
    ),
    Break(
        "a stub that already holds the answer",
        on(CHAIN),
        test("exercises", "a_stub_is_not_done_yet[01.1]"),
        change=source("01-stub-1", "guess = ...", "guess = 6"),
    ),
    Break(
        "a check that accepts everything",
        "helpers/exercises/comparing.py",
        test("exercises", "what_is_not_the_same"),
        "    given, expected = plain(given), plain(expected)\n    if isinstance(expected, list):",
        "    if isinstance(given, object):\n        return True\n    if isinstance(expected, list):",
    ),
    Break(
        "a check that judges another exercise",
        on(CHAIN),
        test("exercises", "the_stub_has_a_place_to_fill_and_the_check_only_checks[01.1]"),
        change=source("01-check-1", 'check("01.1"', 'check("01.2"'),
    ),
    Break(
        "the card names another difficulty than the exercise",
        on(CHAIN),
        test("exercises", "the_card_says_what_the_exercise_says[01.1]"),
        change=source("01-card-1", "difficulty ●○○", "difficulty ●●○"),
    ),
]

# What a course leader makes of the pages

CLASSROOM = [
    Break(
        "the student edition has the solutions",
        "helpers/classroom.py",
        test("classroom", "no_solution_is_left[09]"),
        "            cell.source = NO_SOLUTION\n",
        "            pass\n",
    ),
    Break(
        "the student edition tells what a vote should say",
        "helpers/classroom.py",
        test("classroom", "no_solution_is_left[09]"),
        "(The answer|Answer|After the vote)",
        "(The answer|Answer)",
    ),
    Break(
        "the student edition comes with what is the teacher's",
        "helpers/classroom.py",
        test("classroom", "the_edition_holds_what_it_needs_and_not_what_is_the_teachers"),
        '("classroom.py", "slides.py", "slide_text.py", "slides.html", "__pycache__", "*.part")',
        '("__pycache__", "*.part")',
    ),
    Break(
        "the third hint of the student edition leads to a solution that is not there",
        "helpers/classroom.py",
        test("classroom", "the_third_hint_leads_to_the_teacher"),
        "        file.write(THIRD_HINT)\n",
        '        file.write("")\n',
    ),
    Break(
        "formulas within a line stay as they were typed on the slides",
        "helpers/slide_text.py",
        test("classroom", "no_formula_is_left_as_it_was_typed[04]"),
        """self.keep(formula(body, "inline"), len(body) // 2, match.group())""",
        """self.keep(match.group(), len(body) // 2, match.group())""",
    ),
    Break(
        "the slides fetch their formulas from the network",
        "helpers/slides.html",
        test("classroom", "slides_ask_no_other_file_for_anything[04]"),
        "<title>{{TITLE}}</title>\n",
        '<title>{{TITLE}}</title>\n<script src="https://cdn.example/mathjax.js"></script>\n',
    ),
    Break(
        "what a page folds is read out in the speaker's notes",
        "helpers/slides.py",
        test("classroom", "what_a_page_folds_is_not_on_its_slides_or_in_their_notes[03]"),
        'return re.sub(r"<details>.*?</details>", "", text, flags=re.DOTALL)',
        "return text",
    ),
    Break(
        "the lesson plan has other minutes than the card",
        "docs/teaching.md",
        test("classroom", "the_plan_lists_what_the_page_has_with_its_minutes[09]"),
        "| exercise 09.6 | 8 |",
        "| exercise 09.6 | 9 |",
    ),
    Break(
        "the short path takes what may wait for a second reading",
        "docs/teaching.md",
        test("classroom", "what_may_wait_for_a_second_reading_is_not_in_the_short_path[03]"),
        "| 6 · What the threshold gets wrong | 4 | – |",
        "| 6 · What the threshold gets wrong | 4 | 4 |",
    ),
    Break(
        "a chapter of the guide adds up its minutes wrongly",
        "docs/teaching.md",
        test("classroom", "paths_fit_into_45_and_90_minutes_and_are_added_up_right[10]"),
        "| **together** | 95 |",
        "| **together** | 106 |",
    ),
    Break(
        "the slides tell a class that it has made no guess",
        "helpers/slides.py",
        test("classroom", "slides_close_with_the_question_and_say_nothing_of_guesses_not_made"),
        'NOBODY.sub("", ANSI.sub("", text))',
        'ANSI.sub("", text)',
    ),
    Break(
        "the slides of a lesson end without the page's question",
        "helpers/slides.py",
        test("classroom", "slides_of_a_path_leave_out_what_goes_home"),
        """            or "question for the next page" in "".join(part for part, _, _ in slide.parts)\n""",
        "",
    ),
    Break(
        "the slide of goals shows whatever list stands in the opening",
        "helpers/slides.py",
        test("classroom", "the_second_slide_says_what_you_will_be_able_to_do"),
        'if kind == "list" and "ou will be able to" in before:',
        'if kind == "list" and "ou will be able to" not in before:',
    ),
    Break(
        "a heading stands alone at the end of a slide",
        "helpers/slides.py",
        test("classroom", "no_slide_ends_with_a_heading"),
        r"(:</p>|</h\d>)\s*$",
        r"(:</p>)\s*$",
    ),
    Break(
        "bold words that name a paragraph stand alone on a slide",
        "helpers/slide_text.py",
        test("classroom", "bold_words_that_name_a_paragraph_bring_its_first_sentence_along"),
        "        or (names_it and at == 1)\n",
        "",
    ),
]

# What stands around the pages, and the tests themselves

AROUND = [
    Break(
        "the README's table of pages out of date",
        "README.md",
        test("course", "the_readme_shows_the_same_table"),
        "Pay −ln of the probability given to the truth. | 60 |",
        "Pay −ln of the probability given to the truth. | 50 |",
    ),
    Break(
        "the test command gone from the README",
        "README.md",
        test("readme"),
        "```bash\n.venv/bin/pytest\n```",
        "```bash\n```",
    ),
    Break(
        "the README names a file that is not there",
        "README.md",
        test("readme"),
        ".venv/bin/python benchmarks/training_speed.py --corpus imdb",
        ".venv/bin/python benchmarks/speed.py --corpus imdb",
    ),
    Break(
        "the README shows another picture than the page",
        on(PRICE),
        test("readme", "a_picture_is_the_one_stored_in_its_page[price.png]"),
        change=picture_cut("04-figure-prices"),
    ),
    Break(
        "a package that is used is not installed",
        "requirements.txt",
        test("environment", "every_package_that_is_used_is_required"),
        "seaborn>=0.13.2,<0.14\n",
        "",
    ),
    Break(
        "torch without an upper bound",
        "requirements.txt",
        test("environment", "every_range_has_both_ends[torch]"),
        "torch>=2.6,<2.14",
        "torch>=2.6",
    ),
    Break(
        "conda installs something else",
        "environment.yml",
        test("environment", "conda_installs_the_same"),
        "python>=3.11,<3.14",
        "python>=3.11",
    ),
    Break(
        "the tests would download the real reviews",
        "conftest.py",
        test("environment", "tests_run_on_the_generated_corpus_and_one_thread"),
        'os.environ["COURSE_CORPUS"] = "twins"',
        'os.environ["COURSE_CORPUS"] = "auto"',
    ),
    Break(
        "page numbers on the map out of order",
        "helpers/course.py",
        test("course", "pages_are_in_order_and_stand_on_earlier_ones"),
        '60, ("02", "03", "04"), (2, 1), READING',
        '60, ("07", "03", "04"), (2, 1), READING',
    ),
    Break(
        "the check of numbers in prose finds nothing",
        "tests/notebook_checks.py",
        test("notebook_checks"),
        "if not holds(printed, quoted, power)",
        "if False",
    ),
    Break(
        "the check of figures finds nothing",
        "tests/notebook_checks.py",
        test("notebook_checks"),
        'if not mimes & {"image/png", "image/svg+xml", "image/jpeg"}:',
        "if True:",
    ),
    Break(
        "the check of the comparison allows more cells to be left out",
        "tests/notebook_checks.py",
        test("notebook_checks"),
        "MOST_IGNORED = 0.2",
        "MOST_IGNORED = 0.94",
    ),
]

BREAKS = [*ENGINE, *TEXTS, *MODEL, *KEPT, *PAGES, *EXERCISES, *CLASSROOM, *AROUND]
