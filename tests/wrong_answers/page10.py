"""Page 10: mistakes and right answers, written as a reader would write them."""


def measures(
    recall: str = "tp / (tp + fn)",
    f1: str = "2 * precision * recall / (precision + recall)",
    returned: str = "precision, recall, f1",
) -> str:
    return (
        "def three_measures(tp, fp, fn, tn):\n"
        "    precision = tp / (tp + fp)\n"
        f"    recall = {recall}\n"
        f"    f1 = {f1}\n"
        f"    return {returned}"
    )


def packing(*lines: str) -> str:
    return (
        "\n    ".join(
            ("def packed(model, vocabulary, max_tokens):", 'box = {"weights": model.state_dict()}', *lines)
        )
        + "\n    return box"
    )


WORDS = 'box["words"] = list(vocabulary.words)'
SIZES = 'box["sizes"] = model.config'
CUT = 'box["max_tokens"] = max_tokens'


def best(
    kept: str = "copy.deepcopy(model.state_dict())",
    better: str = "now > best_accuracy",
    returned: str = "best",
    after: str = "",
    assigned: str = "best, best_accuracy = {}, now",
) -> str:
    return (
        "import copy\n\n\n"
        "def best_weights(model, train_one_epoch, accuracy, epochs):\n"
        "    best, best_accuracy = None, -1.0\n"
        "    for _ in range(epochs):\n"
        "        train_one_epoch(model)\n"
        "        now = accuracy(model)\n"
        f"        if {better}:\n"
        f"            {assigned.format(kept)}\n"
        f"{after}"
        f"    return {returned}\n\n\n"
        "mended = best_weights"
    )


WHOLE_MODEL = """
def packed(model, vocabulary, max_tokens):
    return {"model": model, "words": list(vocabulary.words), "max_tokens": max_tokens}
"""

NO_WEIGHTS = """
def packed(model, vocabulary, max_tokens):
    return {"words": list(vocabulary.words), "sizes": model.config, "max_tokens": max_tokens}
"""

NESTED = """
def packed(model, vocabulary, max_tokens):
    settings = {**model.config, "cut": max_tokens}
    return {"text": {"index": dict(vocabulary.index)}, "settings": settings, "state": model.state_dict()}
"""

UPDATED = """
def packed(model, vocabulary, max_tokens):
    box = {"weights": model.state_dict(), "words": "\\n".join(vocabulary.words), "max_tokens": max_tokens}
    box.update(model.config)
    return box
"""

IN_ONE_STRING = """
import json
def packed(model, vocabulary, max_tokens):
    settings = json.dumps([list(vocabulary.words), model.config, max_tokens])
    return {"settings": settings, "weights": model.state_dict()}
"""

WRONG = {
    "10.1": [
        ("EV05", measures("tp / (tp + fp)")),
        ("EV05", measures(returned="recall, precision, f1")),
        ("ME01", measures("tn / (tn + fp)")),
        ("ME02", measures("tp / (tp + fp + fn + tn)")),
        ("ME02", measures("(tp + tn) / (tp + fp + fn + tn)")),
        ("ME06", measures("tp / (tp + tn)")),
        ("ME07", measures("tp / tp + fn")),
        ("ME07", measures(f1="2 * precision * recall / precision + recall")),
        ("ME08", measures(f1="min(precision, recall)")),
        ("ME03", measures(f1="(precision + recall) / 2")),
        ("ME04", measures(f1="precision * recall / (precision + recall)")),
        ("ME05", measures(f1="precision * recall")),
        (None, measures(f1="(precision * recall) ** 0.5")),
        (None, measures("fn / (tp + fn)")),
        (None, "three_measures = 3"),
    ],
    "10.2": [("BR01", "vote = 'a'"), ("BR02", "vote = 'B'"), ("BR03", "vote = '(d)'")],
    "10.3": [("CH01", "vote = 'a'"), ("CH02", "vote = 'b'"), ("EV10", "vote = 'C'")],
    "10.4": [
        ("SV01", packing(CUT)),
        ("SV01", packing(SIZES, CUT)),
        ("SV01", packing('box["known"] = len(vocabulary)', SIZES, CUT)),
        ("SV05", packing(WORDS)),
        ("SV05", packing(WORDS, CUT)),
        ("SV05", packing(WORDS, CUT, 'box["sizes"] = {"vocab_size": len(vocabulary), "hidden_dim": 5}')),
        ("SV06", packing(WORDS, SIZES)),
        ("SV07", packing('box["vocabulary"] = vocabulary', SIZES, CUT)),
        ("SV07", packing(WORDS, CUT, 'box["model"] = model')),
        ("SV07", WHOLE_MODEL),
        ("SV08", NO_WEIGHTS),
        ("SV09", packing('box["words"] = set(vocabulary.words)', SIZES, CUT)),
        ("SV09", packing('box["words"] = sorted(vocabulary.words)', SIZES, CUT)),
        ("SV09", packing('box["words"] = list(vocabulary.words[2:])', SIZES, CUT)),
        ("SV05", packing(WORDS, CUT, 'box["sizes"] = (len(vocabulary), 3, 5)')),
        ("SV07", packing(WORDS, SIZES, CUT, 'box["tokenize"] = type(vocabulary).build')),
        (None, "packed = {}"),
        (None, "def packed(model, vocabulary, max_tokens):\n    return model.weights"),
    ],
    "10.5": [
        ("SV02", best("model.state_dict()")),
        ("SV02", best("dict(model.state_dict())")),
        ("SV02", best("model.state_dict().copy()")),
        ("SV02", best("{name: value.detach() for name, value in model.state_dict().items()}")),
        ("SV02", best("model")),
        ("SV10", best(after="        elif best is not None:\n            break\n")),
        ("SV11", best(returned="best_accuracy")),
        ("SV11", best(returned="None")),
        ("SV02", best(returned="model.state_dict()")),
        ("SV12", best(better="best is None")),
        ("SV13", best(assigned="best = {}")),
        ("SV13", best(better="True")),
        (None, best(better="0.75 < now < 0.85")),
        (None, "mended = 3"),
    ],
    "10.6": [
        ("TW01", 'mine = ("the plot was not dull , it was good", "the plot was dull , it was good")'),
        ("TW01", 'mine = ("once loud , now it is quiet", "once loud , now it is very loud")'),
        ("TW02", 'mine = ("once loud , now it is quiet", "Once  loud, now it is quiet")'),
        (
            "TW03",
            'mine = ("the plot was not dull, it was gripping.", "the plot was not gripping, it was dull.")',
        ),
        (
            "TW03",
            'mine = ("the plot was not dull, it was gripping", "the plot was not gripping, it was dull")',
        ),
        ("TW04", 'mine = ("good , not bad", "bad , not good")'),
        (None, 'mine = "once loud , now quiet"'),
        (None, "mine = (1, 2)"),
    ],
}

RIGHT = {
    "10.1": [
        measures(f1="2 * tp / (2 * tp + fp + fn)"),
        measures("1 - fn / (tp + fn)", f1="2 / (1 / precision + 1 / recall)"),
        measures(returned="[precision, recall, f1]"),
    ],
    "10.2": ["vote = 'C'", "vote = '(c)'"],
    "10.3": ["vote = 'D'", "vote = '(d)'"],
    "10.4": [
        packing(CUT, SIZES, WORDS),
        NESTED,
        UPDATED,
        IN_ONE_STRING,
        packing('box["words"] = str(vocabulary.words)', SIZES, 'box["cut"] = str(max_tokens)'),
        packing('box["words"] = list(vocabulary.index.items())', SIZES, CUT),
        packing('box["all"] = [model.config, max_tokens]', WORDS),
    ],
    "10.5": [
        best(),
        best("{name: value.clone() for name, value in model.state_dict().items()}"),
        best("copy.deepcopy(model).state_dict()"),
        best("copy.deepcopy(model)"),
        best(better="best is None or now >= best_accuracy"),
        best(after="    model.load_state_dict(best)\n", returned="model.state_dict()"),
    ],
    "10.6": [
        'mine = ("the hotel was once shabby , now it is fine", "the hotel was once fine , now it is shabby")',
        'mine = ["They promised rain and we got sun", "They promised sun and we got rain"]',
    ],
}
