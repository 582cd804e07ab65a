"""Page 11: mistakes and right answers, written as a reader would write them."""


def attend(
    scores: str = "Q @ K.T / math.sqrt(Q.shape[1])",
    shares: str = "scores.softmax(dim=1)",
    out: str = "shares @ V",
):
    return f"def attend(Q, K, V):\n    scores = {scores}\n    shares = {shares}\n    return {out}"


def task(allowed: str = "torch.ones(time, time).tril().bool()", words: str = "ids[:, 1:]") -> str:
    return (
        "def next_word_task(ids):\n    time = ids.shape[1]\n"
        f"    allowed = {allowed}\n    words = {words}\n    return allowed, words"
    )


def parameters(code: str) -> str:
    return f"def parameters(blocks, width, words, longest):\n    return {code}"


BLOCK = "(12 * width**2 + 13 * width)"
TABLES = "(words + longest) * width"

TEXTS = "self.positions.weight[: len(ids), None]"
PLACES = "self.positions.weight[: ids.shape[1]]"
MASK = "scores = scores.masked_fill(~real[:, None, :], -math.inf)"


def suspect(positions: str = PLACES, mask: str = MASK, axis: str = "2", summary: str = "") -> str:
    summary = summary or "(states * real[..., None]).sum(dim=1) / lengths[:, None]"
    return (
        "class Suspect(nn.Module):\n"
        "    def __init__(self, vocab_size, width, num_classes):\n"
        "        super().__init__()\n"
        "        self.embedding, self.positions = nn.Embedding(vocab_size, width), nn.Embedding(60, width)\n"
        "        self.q, self.k, self.v = (nn.Linear(width, width) for _ in range(3))\n"
        "        self.fc = nn.Linear(width, num_classes)\n\n"
        "    def forward(self, ids, lengths):\n"
        "        real = torch.arange(ids.shape[1]) < lengths[:, None]\n"
        f"        x = self.embedding(ids) + {positions}\n"
        "        scores = self.q(x) @ self.k(x).transpose(1, 2) / math.sqrt(x.shape[2])\n"
        f"        {mask or 'pass'}\n"
        f"        states = scores.softmax(dim={axis}) @ self.v(x)\n"
        f"        summary = {summary}\n"
        "        return self.fc(summary)\n\n\n"
        "mended = Suspect"
    )


WRONG = {
    "11.1": [
        ("AT04", attend("Q @ K.T")),
        ("AT05", attend("Q @ K.T / Q.shape[1]")),
        ("AT09", attend("Q @ K.T / math.sqrt(len(K))")),
        ("AT06", attend(shares="scores.softmax(dim=0)")),
        ("AT06", attend("Q @ K.T", "scores.softmax(dim=0)")),
        ("SM05", attend(shares="scores / scores.sum(dim=1, keepdim=True)")),
        ("AT07", attend(out="shares")),
        ("AT08", attend(shares="scores")),
        ("AT13", attend(out="shares @ K")),
        ("AT14", attend(shares="scores.exp()")),
        ("AT15", attend("Q @ K.T / math.sqrt(4)")),
        (None, attend("torch.zeros(len(Q), len(K))")),
        (None, attend(shares="scores.sigmoid()")),
        (None, attend("Q @ K")),
        (None, "attend = 3"),
    ],
    "11.2": [("AT01", "vote = 'a'"), ("AT02", "vote = 'C'"), ("AT03", "vote = '(d)'")],
    "11.3": [
        ("LM01", task("torch.ones(time, time).triu().bool()")),
        ("LM08", task("torch.ones(time, time).triu(1).bool()")),
        ("LM08", task("torch.full((time, time), -math.inf).triu(1)")),
        ("LM02", task("torch.ones(time, time).tril(-1).bool()")),
        ("LM03", task("torch.ones(time, time).bool()")),
        ("LM03", task("torch.ones(time, time).tril(1).bool()")),
        ("LM04", task(words="ids")),
        ("LM04", task(words="ids[:, :-1]")),
        ("LM05", task(words="ids.roll(-1, dims=1)")),
        ("LM06", task(words="ids[1:]")),
        ("LM07", task(words="ids[:, -1]")),
        ("LM07", task(words="ids[:, -1:]")),
        (None, task("torch.eye(time).bool()")),
        (None, task(words="ids[:, 2:]")),
        (None, "def next_word_task(ids):\n    return ids[:, 1:]"),
        (None, "next_word_task = 3"),
    ],
    "11.4": [
        ("SZ01", parameters(f"blocks * 12 * width**2 + {TABLES}")),
        ("SZ01", parameters(f"blocks * 12 * width**2 + {TABLES} + 2 * width")),
        ("SZ01", parameters(f"blocks * (12 * width**2 + 4 * width) + {TABLES} + 2 * width")),
        ("SZ02", parameters(f"blocks * {BLOCK}")),
        ("SZ02", parameters(f"blocks * {BLOCK} + longest * width + 2 * width")),
        ("SZ02", parameters(f"blocks * {BLOCK} + 2 * width")),
        ("SZ03", parameters(f"blocks * ({BLOCK} + {TABLES} + 2 * width)")),
        ("SZ04", parameters(f"blocks * {BLOCK} + {TABLES}")),
        ("SZ05", parameters(f"blocks * {BLOCK} + words * width + 2 * width")),
        ("SZ06", parameters(f"blocks * (4 * (width**2 + width) + 4 * width) + {TABLES} + 2 * width")),
        ("SZ07", parameters(f"blocks * (12 * width**2 + 9 * width) + {TABLES} + 2 * width")),
        ("SZ08", parameters(f"blocks * {BLOCK} + {TABLES} + 2 * width + words * width")),
        ("SZ08", parameters(f"blocks * {BLOCK} + {TABLES} + 2 * width + words * (width + 1)")),
        ("SZ09", parameters(f"blocks * (12 * width**2 + 11 * width) + {TABLES} + width")),
        (None, parameters("175e9")),
        (None, "parameters = 175_000_000_000"),
    ],
    "11.5": [
        ("AT10", suspect(TEXTS, "", "1")),
        ("AT10", suspect(TEXTS)),
        ("AT12", suspect("0")),
        ("AT12", suspect("0", "")),
        ("AT06", suspect(mask="", axis="1")),
        ("AT06", suspect(axis="1")),
        ("AT06", suspect(axis="-2")),
        ("AT11", suspect(mask="")),
        ("AT11", suspect(mask="scores = scores.masked_fill(~real[:, None, :], 0)")),
        ("AT16", suspect(mask="scores = scores.masked_fill(~real[:, :, None], -math.inf)")),
        (None, suspect(summary="states.mean(dim=1)")),
        (None, "mended = 3"),
        (None, suspect() + "(30, 6, 2)"),
    ],
}

RIGHT = {
    "11.2": ["vote = 'B'", "vote = '(b)'"],
    "11.1": [
        attend("torch.einsum('qd,wd->qw', Q, K) / Q.shape[-1] ** 0.5", "F.softmax(scores, dim=-1)"),
        attend("(Q / K.shape[1] ** 0.5) @ K.T", "scores.exp() / scores.exp().sum(dim=1, keepdim=True)"),
        attend(out="F.scaled_dot_product_attention(Q, K, V)"),
    ],
    "11.3": [
        task("torch.tril(torch.ones(time, time))", "ids[..., 1:]"),
        task("torch.arange(time)[:, None] >= torch.arange(time)"),
        task("~torch.ones(time, time, dtype=torch.bool).triu(1)", "torch.stack([row[1:] for row in ids])"),
    ],
    "11.4": [
        parameters(f"blocks * {BLOCK} + {TABLES} + 2 * width"),
        parameters("width * (12 * blocks * width + 13 * blocks + words + longest + 2)"),
    ],
    "11.5": [
        suspect(),
        suspect(
            "self.positions(torch.arange(ids.shape[1]))",
            "scores = torch.where(real[:, None], scores, -1e9)",
            "-1",
        ),
    ],
}
