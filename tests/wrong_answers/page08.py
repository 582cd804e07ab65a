"""Page 08: mistakes and right answers, written as a reader would write them."""


def summary(code: str) -> str:
    return f"def summary_of(states, h_n):\n    return {code}"


def log(
    order: str = "torch.randperm(len(labels), generator=generator)", share: str = "right / len(labels)"
) -> str:
    return (
        "def running_accuracy(model, labels, generator, batch_size=32):\n"
        f"    order = {order}\n"
        "    right = 0\n"
        "    for rows in order.split(batch_size):\n"
        "        right += (model.answer(rows) == labels[rows]).sum().item()\n"
        "        model.learn(labels[rows])\n"
        f"    return {share}"
    )


MEAN_OF_BATCHES = """
def running_accuracy(model, labels, generator, batch_size=32):
    order = torch.randperm(len(labels), generator=generator)
    shares = []
    for rows in order.split(batch_size):
        shares.append((model.answer(rows) == labels[rows]).double().mean().item())
        model.learn(labels[rows])
    return sum(shares) / len(shares)
"""

LAST_BATCH = MEAN_OF_BATCHES.replace("sum(shares) / len(shares)", "shares[-1]")

FUNCTION = "F.dropout(self.embedding(ids), 0.2)"
TOLD = "F.dropout(self.embedding(ids), 0.2, training=self.training)"
VIEW = "states, _ = self.lstm(embedded.view(time, batch, -1))"
CLAMPED = "states[lengths.clamp(max=time - 1), torch.arange(batch)]"


def suspect(
    dropped: str = TOLD,
    lstm: str = "nn.LSTM(embedding_dim, hidden_dim)",
    run: str = "states, _ = self.lstm(embedded.transpose(0, 1))",
    last: str = "states[lengths - 1, torch.arange(batch)]",
) -> str:
    return (
        "class Suspect(nn.Module):\n"
        "    def __init__(self, vocab_size, embedding_dim, hidden_dim, num_classes):\n"
        "        super().__init__()\n"
        "        self.embedding = nn.Embedding(vocab_size, embedding_dim, padding_idx=0)\n"
        f"        self.lstm = {lstm}\n"
        "        self.fc = nn.Linear(hidden_dim, num_classes)\n\n"
        "    def forward(self, ids, lengths):\n"
        "        batch, time = ids.shape\n"
        f"        embedded = {dropped}\n"
        f"        {run}\n"
        f"        last = {last}\n"
        "        return self.fc(last)\n\n\n"
        "mended = Suspect"
    )


BATCH_FIRST = "nn.LSTM(embedding_dim, hidden_dim, batch_first=True)"
ROWS_FIRST = "states[torch.arange(batch), lengths - 1]"

MODULE_DROPOUT = """
class Suspect(nn.Module):
    def __init__(self, vocab_size, embedding_dim, hidden_dim, num_classes):
        super().__init__()
        self.embedding = nn.Embedding(vocab_size, embedding_dim, padding_idx=0)
        self.dropout = nn.Dropout(0.2)
        self.reader = nn.LSTM(embedding_dim, hidden_dim, batch_first=True)
        self.head = nn.Linear(hidden_dim, num_classes)

    def forward(self, ids, lengths):
        embedded = self.dropout(self.embedding(ids))
        packed = nn.utils.rnn.pack_padded_sequence(embedded, lengths, batch_first=True, enforce_sorted=False)
        _, (h_n, _) = self.reader(packed)
        return self.head(h_n[-1])


mended = Suspect
"""

WRONG = {
    "08.1": [
        ("BF01", "guess = [1]"),
        ("BF05", "guess = [0, 1, 2, 3]"),
        ("BF05", "guess = {3, 2, 1, 0}"),
        ("BF06", "guess = (0, 1)"),
        ("BF07", "guess = []"),
        ("BF08", "guess = [2, 3]"),
        ("BF09", "guess = [1, 2]"),
        ("BF10", "guess = [2, 3, 4]"),
        ("BF11", "guess = [3]"),
        ("BF11", "guess = (3,)"),
        (None, "guess = [0]"),
        (None, "guess = 1"),
    ],
    "08.2": [("PL02", "vote = 'a'"), ("PL21", "vote = 'C'"), ("PL22", "vote = '(d)'")],
    "08.3": [
        ("HS05", summary("states[:, -1]")),
        ("HS05", summary("states[:, -1, :]")),
        ("HS05", summary("states[:, 0]")),
        ("HS13", summary("torch.cat([states[:, 0, : h_n.shape[2]], states[:, -1, h_n.shape[2] :]], dim=1)")),
        ("HS06", summary("h_n.view(states.shape[0], -1)")),
        ("HS06", summary("h_n.reshape(len(states), -1)")),
        ("HS07", summary("h_n[-1]")),
        ("HS07", summary("h_n[0]")),
        ("HS11", summary("h_n.sum(dim=0)")),
        ("HS11", summary("(h_n[0] + h_n[1]) / 2")),
        ("HS06", summary("h_n.flatten(1)")),
        ("HS06", summary("h_n.transpose(1, 2).reshape(len(states), -1)")),
        ("HS12", summary("torch.cat([h_n[0], h_n[1]])")),
        ("HS14", summary("h_n")),
        ("HS14", summary("torch.stack([h_n[0], h_n[1]], dim=1)")),
        ("HS14", summary("torch.stack([h_n[0], h_n[1]], dim=2)")),
        ("HS15", summary("torch.cat([states[:, 0], states[:, -1]], dim=1)")),
        ("HS15", summary("torch.cat([states[:, -1], states[:, 0]], dim=1)")),
        (None, summary("states.mean(dim=1)")),
        (None, summary("h_n[2]")),
        (None, "def summary_of(states, h_n):\n    torch.cat([h_n[0], h_n[1]], dim=1)"),  # gives nothing back
        (None, "summary_of = 3"),
    ],
    "08.4": [
        ("EV03", log("torch.arange(len(labels))")),
        ("EV03", log("torch.argsort(labels, stable=True)")),
        ("EV19", log("torch.randint(len(labels), (len(labels),), generator=generator)")),
        ("EV19", log("torch.randperm(len(labels), generator=generator)[:500]")),
        ("SE02", log("torch.randperm(len(labels), generator=generator.manual_seed(0))")),
        ("SE02", log("torch.randperm(len(labels), generator=torch.Generator().manual_seed(0))")),
        ("SE10", log("torch.randperm(len(labels))")),
        ("EV13", log(share="right / (len(order.split(batch_size)) * batch_size)")),
        ("EV13", log(share="right / (len(labels) // batch_size * batch_size)")),
        ("EV06", MEAN_OF_BATCHES),
        ("EV12", LAST_BATCH),
        ("EV20", log(share="right")),
        ("EV20", log(share="100 * right / len(labels)")),
        ("EV20", log(share="right / len(order.split(batch_size))")),
        (None, log(share="1 - right / len(labels)")),
        (None, log("7")),
        (None, log(share="f'{right / len(labels):.3f}'")),
        (None, "running_accuracy = 3"),
    ],
    "08.5": [
        ("TE05", suspect(FUNCTION, run=VIEW, last=CLAMPED)),
        ("TE05", suspect(FUNCTION)),
        ("TE05", suspect("nn.Dropout(0.2)(self.embedding(ids))")),  # made anew, it is always in training mode
        ("TE06", suspect("self.embedding(ids)")),
        ("TE06", suspect("F.dropout(self.embedding(ids), 0.2, training=False)")),
        ("MB08", suspect(run=VIEW, last=CLAMPED)),
        ("MB08", suspect(run=VIEW)),
        ("MB08", suspect(run="states, _ = self.lstm(embedded.reshape(time, batch, -1))")),
        ("BF01", suspect(run="states, _ = self.lstm(embedded)", last=ROWS_FIRST)),
        ("BF01", suspect(run="states, _ = self.lstm(embedded)")),  # stops: no such moment
        ("BF03", suspect(lstm=BATCH_FIRST)),
        ("BF03", suspect(lstm=BATCH_FIRST, run=VIEW)),
        ("BF03", suspect(lstm=BATCH_FIRST, run=VIEW, last=CLAMPED)),
        ("PL07", suspect(last=CLAMPED)),
        ("PL07", suspect(last="states[lengths, torch.arange(batch)]")),
        (
            "PL07",
            suspect(
                lstm=BATCH_FIRST,
                run="states, _ = self.lstm(embedded)",
                last="states[torch.arange(batch), lengths]",
            ),
        ),
        ("PL01", suspect(last="states[-1]")),
        ("PL01", suspect(lstm=BATCH_FIRST, run="states, _ = self.lstm(embedded)", last="states[:, -1]")),
        ("PL23", suspect(last="states[lengths.clamp(max=time - 1) - 1, torch.arange(batch)]")),
        ("PL23", suspect(last="states[lengths - 2, torch.arange(batch)]")),
        ("BF12", suspect(last="states[lengths - 1]")),
        (None, suspect(last="states.mean(dim=0)")),
        (None, "mended = 3"),
        (None, suspect() + "(30, 6, 7, 3)"),
    ],
}

RIGHT = {
    "08.1": ["guess = {1, 2, 3}", "guess = (1, 2, 3)", "guess = range(1, 4)", "guess = [3, 2, 1]"],
    "08.2": ["vote = 'B'", "vote = '(b)'"],
    "08.3": [
        summary("torch.cat((h_n[-2], h_n[-1]), dim=-1)"),
        summary("h_n.transpose(0, 1).reshape(len(states), -1)"),
        summary("torch.cat([h_n[1], h_n[0]], 1)"),
        summary("h_n.permute(1, 2, 0).reshape(len(states), -1)"),
        summary(
            "torch.cat([states[:, -1, : states.shape[2] // 2], states[:, 0, states.shape[2] // 2 :]], dim=1)"
        ),
    ],
    "08.4": [
        log("torch.rand(len(labels), generator=generator).argsort()"),
        log(share="right / sum(len(rows) for rows in order.split(batch_size))"),
        log(share="round(right / len(labels), 3)"),
    ],
    "08.5": [
        suspect(),
        suspect(lstm=BATCH_FIRST, run="states, _ = self.lstm(embedded)", last=ROWS_FIRST),
        suspect(
            "F.dropout(self.embedding(ids), 0.2, self.training)",
            run="states, _ = self.lstm(embedded.permute(1, 0, 2))",
            last="states.transpose(0, 1)[torch.arange(batch), lengths - 1]",
        ),
        MODULE_DROPOUT,
    ],
}
