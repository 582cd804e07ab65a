"""Page 06: mistakes and right answers, written as a reader would write them."""


def mean(real: str = "place < lengths[:, None]", result: str = "kept.sum(dim=1) / lengths[:, None]") -> str:
    return (
        "def mean_of_words(embedded, lengths):\n"
        "    place = torch.arange(embedded.shape[1])\n"
        f"    real = {real}\n"
        "    kept = embedded * real[..., None]\n"
        f"    return {result}"
    )


def pipeline(
    tokens: str = "sorted({word for text in train for word in tokenize(text)})",
    words: str = '["<pad>", "<unk>", *tokens]',
    row: str = "[index.get(word, 1) for word in tokenize(text)] or [1]",
) -> str:
    return (
        'STOP_WORDS = {"the", "a", "was", "it", "not", "but", "about"}\n\n\n'
        "def prepare(train, new):\n"
        f"    tokens = {tokens}\n"
        f"    words = {words}\n"
        "    index = {word: place for place, word in enumerate(words)}\n"
        "    parts = []\n"
        "    for texts in (train, new):\n"
        f"        rows = [{row} for text in texts]\n"
        "        parts.append(pad(rows))\n"
        "    return words, *parts\n\n\n"
        "mended = prepare"
    )


SET_OF_ALL = "{word for text in train + new for word in tokenize(text)}"
SET_OF_TRAIN = "{word for text in train for word in tokenize(text)}"
AS_SHIPPED = pipeline(
    SET_OF_ALL,
    '["<pad>", "<unk>", *(tokens - STOP_WORDS)]',
    "[index[word] for word in tokenize(text) if word in index]",
)


def pairs(body: str) -> str:
    return f"def pairs(tokens):\n    {body}"


WRONG = {
    "06.1": [("TV05", "vote = 'a'"), ("TV10", "vote = '(c)'"), ("TV11", "vote = 'D'")],
    "06.2": [
        ("PL08", mean(result="kept.mean(dim=1)")),
        ("PL08", mean(result="embedded.mean(dim=1)")),
        ("PL08", mean(result="kept.sum(dim=1) / embedded.shape[1]")),
        ("PL08", mean(result="kept.mean(dim=1) / lengths[:, None]")),
        ("PL12", mean(real="place <= lengths[:, None]")),
        ("PL13", mean(real="torch.ones(embedded.shape[:2], dtype=torch.bool)")),
        ("PL13", mean(result="embedded.sum(dim=1) / lengths[:, None]")),
        ("PL14", mean(result="kept.sum(dim=1)")),
        ("PL15", mean(result="kept.sum(dim=1) / lengths.max()")),
        ("PL15", mean(result="kept.sum(dim=1) / real.sum()")),
        ("PL15", mean(real="(place < lengths.max()).expand(embedded.shape[:2])")),
        ("PL16", mean(real="place >= lengths[:, None]")),
        (None, mean(result="kept.sum(dim=1) / (kept != 0).sum(dim=1)")),  # a word's vector may hold a 0
        (None, mean(result="kept.max(dim=1).values")),
        (None, mean(real="place < lengths[:, None] - 1")),
        (None, mean(result="kept.sum(dim=0)")),
        (None, mean(real="place < lengths")),
        (None, "mean_of_words = 3"),
    ],
    "06.3": [
        ("TV09", "guess = 1000"),
        ("TV09", "guess = 980"),
        ("TV09", "guess = 0.98"),
        ("TV12", "guess = 600"),
        ("TV12", "guess = 0.55"),
        ("TV13", "guess = 0"),
        ("TV13", "guess = 250"),
        (None, "guess = 50"),  # percent, perhaps: not a sign of TV13
        (None, "guess = 5000"),
        (None, "guess = 'most'"),
    ],
    "06.4": [
        ("TV01", AS_SHIPPED),
        ("TV01", pipeline(f"sorted({SET_OF_ALL})")),
        ("TV02", pipeline(SET_OF_TRAIN)),
        ("TV02", pipeline("set(word for text in train for word in tokenize(text))")),
        ("TV02", pipeline(f"list({SET_OF_TRAIN})")),
        ("TV06", pipeline(words='["<pad>", "<unk>", *(word for word in tokens if word not in STOP_WORDS)]')),
        (
            "TV06",
            pipeline(
                words='["<pad>", "<unk>", *(word for word in tokens if word == "not" or len(word) > 3)]'
            ),
        ),
        (
            "TV06",
            pipeline(row="[index.get(word, 1) for word in tokenize(text) if word not in STOP_WORDS] or [1]"),
        ),
        ("TV01", pipeline("sorted({word for text in new for word in tokenize(text)})")),
        ("TV02", pipeline(f"sorted({SET_OF_TRAIN}, key=len)")),
        ("PL10", pipeline(row="[index.get(word, 1) for word in tokenize(text)] or [0]")),
        ("PL10", pipeline(row="[index.get(word, 1) for word in tokenize(text)]")),
        ("TV14", pipeline(row="[index[word] for word in tokenize(text) if word in index] or [1]")),
        ("TV15", pipeline(row="[index.get(word, 0) for word in tokenize(text)] or [1]")),
        (None, pipeline("sorted(word for text in train for word in tokenize(text))")),
        (None, pipeline("Counter(word for text in train for word in tokenize(text)).most_common()")),
        (None, pipeline("[w for w, n in Counter(sum(map(tokenize, train), [])).items() if n > 1]")),
        (None, pipeline("sorted({word for text in train for word in first_tokenizer(text)})")),
        (None, pipeline("sorted({word for text in train for word in text.lower().split()})")),
        (None, pipeline(row="[index.get(word, 1) for word in text.split()] or [1]")),
        (None, pipeline(row="[index.get(word, len(index)) for word in tokenize(text)] or [1]")),
        (None, pipeline(words='["<unk>", "<pad>", *tokens]')),
        (None, pipeline(row="[index[word] for word in tokenize(text)] or [1]")),
        (None, "mended = 3"),
        (None, "mended = lambda train, new: (['<pad>', '<unk>'], 1, 2)"),
    ],
    "06.5": [
        ("TV09", pairs("return Counter(tokens)")),
        ("NG01", pairs("return Counter(' '.join(sorted(pair)) for pair in zip(tokens, tokens[1:]))")),
        (
            "NG02",
            pairs(
                "return Counter(f'{a} {b}' for i, a in enumerate(tokens) for b in tokens[i + 1 :])",
            ),
        ),
        ("NG03", pairs("return Counter(f'{tokens[i]} {tokens[i + 1]}' for i in range(len(tokens) - 2))")),
        ("NG04", pairs("return Counter(f'{tokens[i - 1]} {tokens[i]}' for i in range(len(tokens)))")),
        ("NG05", pairs("return {f'{a} {b}': 1 for a, b in zip(tokens, tokens[1:])}")),
        ("NG06", pairs("return Counter(tokens) + Counter(map(' '.join, zip(tokens, tokens[1:])))")),
        ("NG07", pairs("return Counter(' '.join(pair) for pair in zip(tokens[::2], tokens[1::2]))")),
        ("NG08", pairs("return Counter(f'{b} {a}' for a, b in zip(tokens, tokens[1:]))")),
        ("NG09", pairs("return Counter(zip(tokens, tokens[1:]))")),
        ("NG10", pairs("return [f'{a} {b}' for a, b in zip(tokens, tokens[1:])]")),
        ("NG11", pairs("return Counter(a + b for a, b in zip(tokens, tokens[1:]))")),
        ("NG11", pairs("return Counter(f'{a}_{b}' for a, b in zip(tokens, tokens[1:]))")),
        ("NG11", pairs("return Counter(map('-'.join, zip(tokens, tokens[1:])))")),
        ("NG12", pairs("return Counter(' '.join(tokens[i : i + 2]) for i in range(len(tokens)))")),
        (None, pairs("return Counter(' '.join(three) for three in zip(tokens, tokens[1:], tokens[2:]))")),
        ("NG02", pairs("return Counter(map(' '.join, zip(tokens, tokens[2:])))")),
        ("NG10", pairs("return set(map(' '.join, zip(tokens, tokens[1:])))")),
        ("NG11", pairs("return Counter(map(', '.join, zip(tokens, tokens[1:])))")),
        ("NG13", pairs("return Counter(' '.join(tokens))")),
        (
            "NG13",
            "def pairs(tokens):\n"
            "    found = Counter()\n"
            "    for pair in zip(tokens, tokens[1:]):\n"
            "        found.update(' '.join(pair))\n"
            "    return found",
        ),
        (None, pairs("print(Counter(map(' '.join, zip(tokens, tokens[1:]))))")),
        (None, "pairs = 3"),
    ],
}

RIGHT = {
    "06.1": ["vote = 'B'", "vote = '(b)'"],
    "06.2": [
        mean(result="torch.einsum('nte->ne', kept) / lengths.unsqueeze(1)"),
        mean(real="lengths.unsqueeze(1) > place[None]", result="kept.sum(1) / real.sum(dim=1, keepdim=True)"),
        "def mean_of_words(embedded, lengths):\n"
        "    last = (lengths - 1)[:, None, None].expand(-1, 1, embedded.shape[2])\n"
        "    return embedded.cumsum(dim=1).gather(1, last).squeeze(1) / lengths[:, None]",
        "def mean_of_words(embedded, lengths):\n"
        "    return torch.stack([row[:n].mean(dim=0) for row, n in zip(embedded, lengths)])",
    ],
    "06.3": [
        "guess = 500.0",
        "guess = 1000 // 2",
        "guess = 0.5",
        "guess = '50 %'",
        "guess = 'half'",
        "guess = '500 of 1000'",
    ],
    "06.4": [
        pipeline(),
        pipeline("Counter(word for text in train for word in tokenize(text))"),
        pipeline("[w for w, _ in Counter(w for text in train for w in tokenize(text)).most_common()]"),
        pipeline(row="[index.get(word, 1) for word in tokenize(text) or ['<unk>']]"),
        pipeline("dict.fromkeys(word for text in train for word in tokenize(text))"),
        "def prepare(train, new):\n"
        "    vocabulary = Vocabulary.build(train)\n"
        "    rows = [[vocabulary.encode(tokenize(t)) or [1] for t in part] for part in (train, new)]\n"
        "    return vocabulary.words, pad(rows[0]), pad(rows[1])\n\n\n"
        "mended = prepare",
    ],
    "06.5": [
        pairs("return Counter(map(' '.join, pairwise(tokens)))"),
        "def pairs(tokens):\n"
        "    found = {}\n"
        "    for i in range(1, len(tokens)):\n"
        "        pair = tokens[i - 1] + ' ' + tokens[i]\n"
        "        found[pair] = found.get(pair, 0) + 1\n"
        "    return found",
    ],
}
