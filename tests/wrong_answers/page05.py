"""Page 05: mistakes and right answers, written as a reader would write them."""


def layer(d_weight: str, dX: str) -> str:
    return (
        "def linear_backward(X, weight, dZ):\n"
        f"    d_weight = {d_weight}\n"
        "    d_bias = dZ.sum(dim=0)\n"
        f"    dX = {dX}\n"
        "    return d_weight, d_bias, dX"
    )


FUNCTION = "F.dropout(torch.relu(layer(X)), 0.5)"
TOLD = "F.dropout(torch.relu(layer(X)), 0.5, training=self.training)"
MEASURE = {
    "as given": "    right = model(X).argmax(dim=1) == labels",
    "eval": "    model.eval()\n    with torch.no_grad():\n        right = model(X).argmax(dim=1) == labels",
    "eval, then train": (
        "    model.eval()\n    with torch.no_grad():\n        right = model(X).argmax(dim=1) == labels\n"
        "    model.train()"
    ),
    "eval, taped": (
        "    before = model.training\n    model.eval()\n    right = model(X).argmax(dim=1) == labels\n"
        "    model.train(before)"
    ),
    "tape off": (
        "    before = model.training\n    model.eval()\n    torch.set_grad_enabled(False)\n"
        "    right = model(X).argmax(dim=1) == labels\n    model.train(before)"
    ),
    "no_grad only": "    with torch.no_grad():\n        right = model(X).argmax(dim=1) == labels",
    "right": (
        "    before = model.training\n    model.eval()\n    with torch.no_grad():\n"
        "        right = model(X).argmax(dim=1) == labels\n    model.train(before)"
    ),
}


def net(hidden: str, dropped: str, measure: str) -> str:
    return (
        "class Net(nn.Module):\n"
        "    def __init__(self):\n"
        "        super().__init__()\n"
        f"        self.hidden = {hidden}\n"
        "        self.last = nn.Linear(16, 2)\n\n"
        "    def forward(self, X):\n"
        "        for layer in self.hidden:\n"
        f"            X = {dropped}\n"
        "        return self.last(X)\n\n\n"
        "def measure(model, X, labels):\n"
        f"{MEASURE[measure]}\n"
        "    return right.double().mean().item()\n\n\n"
        "mended = (Net, measure)"
    )


PLAIN_LIST = "[nn.Linear(2, 16), nn.Linear(16, 16)]"
MODULE_LIST = f"nn.ModuleList({PLAIN_LIST})"


def own_net(
    weight: str = "inputs.T @ dZ",
    bias: str = "dZ.sum(dim=0)",
    head: str = "(p - y) / len(X)",
    gates: tuple[str, str] = ("Z1 > 0", "Z2 > 0"),
) -> str:
    return (
        "def loss_and_slopes(X, labels, parameters):\n"
        "    W1, b1, W2, b2, W3, b3 = parameters\n"
        "    Z1 = X @ W1 + b1\n"
        "    H1 = Z1.clamp(min=0)\n"
        "    Z2 = H1 @ W2 + b2\n"
        "    H2 = Z2.clamp(min=0)\n"
        "    logits = H2 @ W3 + b3\n"
        "    p = logits.softmax(dim=1)\n"
        "    y = torch.eye(len(b3), dtype=torch.float64)[labels]\n"
        "    loss = F.cross_entropy(logits, labels)\n"
        f"    dZ3 = {head}\n"
        "    dH2 = dZ3 @ W3.T\n"
        f"    dZ2 = dH2 * ({gates[1]})\n"
        "    dH1 = dZ2 @ W2.T\n"
        f"    dZ1 = dH1 * ({gates[0]})\n"
        "    slopes = []\n"
        "    for inputs, dZ in ((X, dZ1), (H1, dZ2), (H2, dZ3)):\n"
        f"        slopes += [{weight}, {bias}]\n"
        "    return loss, slopes"
    )


AUTOGRAD = """
def loss_and_slopes(X, labels, parameters):
    layers = [nn.Linear(W.shape[0], W.shape[1]).double() for W in parameters[::2]]
    for layer, W, b in zip(layers, parameters[::2], parameters[1::2], strict=True):
        layer.weight.data, layer.bias.data = W.T, b
    net = nn.Sequential(layers[0], nn.ReLU(), layers[1], nn.ReLU(), layers[2])
    loss = F.cross_entropy(net(X), labels)
    loss.backward()
    return loss, [part for layer in layers for part in (layer.weight.grad.T, layer.bias.grad)]
"""

WRONG = {
    "05.1": [
        ("MB02", "guess = [[-1, 1], [0.5, 0]]"),
        ("MB02", "guess = dZ1.mean(dim=0)"),
        ("MB09", "guess = dZ1.sum(dim=1)"),
        ("MB12", "guess = b1"),
        (None, "guess = [-1.5, 1]"),
        (None, "guess = -0.5"),
        ("MB02", "guess = dZ1[0]"),
        ("MB02", "guess = [0.5, 0]"),
        ("MB15", "guess = [[-0.5, 1]]"),
        ("MB15", "guess = dZ1.T.sum(dim=1, keepdim=True)"),
    ],
    "05.2": [("SA03", "vote = 'a'"), ("SA04", "vote = 'C'"), ("SA05", "vote = '(d)'")],
    "05.3": [
        ("MB01", layer("X.T @ dZ", "dZ @ weight")),
        ("MB01", layer("X @ dZ.T", "dZ @ weight")),
        ("MB01", layer("dZ.T @ X", "dZ @ weight.T")),
        ("MB01", layer("X.T @ dZ", "dZ @ weight.T")),
        ("MB06", layer("dZ.T @ X", "dZ * weight")),
        ("MB06", layer("dZ * X", "dZ @ weight")),
        ("MB08", layer("(X.T @ dZ).view(weight.shape)", "dZ @ weight")),
        ("MB08", layer("dZ.reshape(dZ.shape[1], -1) @ X", "dZ @ weight")),
        ("MB01", layer("dZ.T @ X", "(dZ @ weight).T")),
        ("MB06", layer("dZ.T @ X", "dZ * weight.T")),
        ("MB07", layer("dZ.T @ X * 2", "dZ @ weight")),
        ("MB16", layer("dZ.T @ X / len(X)", "dZ @ weight")),
        ("MB07", layer("dZ.T @ X", "dZ @ weight.abs()")),
        (None, layer("7", "7")),
        (None, "linear_backward = 3"),
        (None, "def linear_backward(X, weight, dZ):\n    return dZ.T @ X"),
    ],
    "05.4": [
        ("NM01", net(PLAIN_LIST, FUNCTION, "as given")),
        ("NM01", net(PLAIN_LIST, TOLD, "right")),
        ("TE05", net(MODULE_LIST, FUNCTION, "as given")),
        ("TE05", net(MODULE_LIST, FUNCTION, "right")),
        ("TE06", net(MODULE_LIST, "torch.relu(layer(X))", "right")),
        ("TE06", net(MODULE_LIST, "F.dropout(torch.relu(layer(X)), 0.5, training=False)", "right")),
        ("TE01", net(MODULE_LIST, TOLD, "as given")),
        ("TE01", net(MODULE_LIST, TOLD, "no_grad only")),
        ("TE02", net(MODULE_LIST, TOLD, "eval")),
        ("TE07", net(MODULE_LIST, TOLD, "eval, then train")),
        ("TE08", net(MODULE_LIST, TOLD, "right").replace("    def f", "    @torch.no_grad()\n    def f")),
        ("TE08", net(MODULE_LIST, TOLD, "tape off")),
        ("TE03", net(MODULE_LIST, TOLD, "eval, taped")),
        (None, net(MODULE_LIST, TOLD, "right").replace("== labels", "!= labels")),
        (None, "mended = 3"),
    ],
    "05.5": [
        ("MB01", own_net(weight="dZ.T @ inputs")),
        ("MB02", own_net(bias="dZ")),
        ("MB02", own_net(bias="dZ.mean(dim=0)")),
        ("MB07", own_net(weight="inputs.T @ dZ.abs()")),
        ("MB08", own_net(weight="inputs.reshape(inputs.shape[1], -1) @ dZ")),
        ("MB09", own_net(bias="dZ.sum(dim=1)")),
        ("MB10", own_net(gates=("1", "1"))),
        ("MB10", own_net(gates=("1", "Z2 > 0"))),
        ("MB10", own_net(gates=("Z1 > 0", "1"))),
        ("MB11", own_net(gates=("dH1 > 0", "dH2 > 0"))),
        ("MB11", own_net(gates=("H1", "H2"))),
        ("MB13", own_net(head="(y - p) / len(X)")),
        ("MB14", AUTOGRAD),
        ("MB15", own_net(bias="dZ.sum(dim=0, keepdim=True)")),
        ("MB16", own_net(weight="inputs.T @ dZ / len(X)")),
        ("MB16", own_net(head="(p - y) / p.numel()")),
        ("MS02", own_net(head="p - y")),
        ("MS02", own_net().replace("(logits, labels)", "(logits, labels, reduction='sum')")),
        (None, own_net().replace("loss = F", "loss = 2 * F")),
        (None, "def loss_and_slopes(X, labels, parameters):\n    return 3"),
        (None, "def loss_and_slopes(X, labels, parameters):\n    return X @ labels"),
        (None, "loss_and_slopes = 3"),
    ],
}

RIGHT = {
    "05.1": ["guess = dZ1.sum(dim=0)", "guess = (-1 / 2, 1)", "guess = torch.ones(2).double() @ dZ1"],
    "05.2": ["vote = 'B'", "vote = '(b)'"],
    "05.3": [
        layer("(X.T @ dZ).T", "(weight.T @ dZ.T).T"),
        layer("torch.einsum('ni,nj->ji', X, dZ)", "torch.einsum('nj,ji->ni', dZ, weight)"),
    ],
    "05.4": [
        net(
            f"nn.Sequential(*{PLAIN_LIST})",
            "nn.functional.dropout(layer(X).relu(), p=0.5, training=self.training)",
            "right",
        ),
        net(MODULE_LIST, TOLD, "right").replace("(Net, measure)", "[Net, measure]"),
        net(MODULE_LIST, TOLD, "right").replace(".item()", ""),
    ],
    "05.5": [
        own_net(),
        own_net(bias="torch.einsum('nj->j', dZ)", weight="torch.einsum('ni,nj->ij', inputs, dZ)"),
    ],
}
