"""Page 04: mistakes and right answers, written as a reader would write them."""

LOG_SOFTMAX = "def log_softmax(z):\n    m = z.max()\n    shifted = z - m\n    return "
DETECTOR = "def yes_no_loss(scores, labels):\n    p = torch.sigmoid(scores)\n    return "
ONE_COLUMN = (
    "def yes_no_loss(scores, labels):\n    p = torch.softmax(scores.unsqueeze(1), dim={dim}).squeeze(1)\n"
)
TWO_TERMS = "-(labels * torch.log(p) + (1 - labels) * torch.log(1 - p)).mean()"

OWN = """
def loss_and_gradient(logits, labels):
    N, C = logits.shape
    Y = F.one_hot(labels, C).float()
    shifted = logits - logits.amax(dim=1, keepdim=True)
    log_p = shifted - shifted.exp().sum(dim=1, keepdim=True).log()
    p = log_p.exp()
    loss = {loss}
    gradient = {gradient}
    return loss, gradient
"""
RIGHT_LOSS, RIGHT_GRADIENT = "-(Y * log_p).sum(dim=1).mean()", "(p - Y) / N"


def own(loss: str = RIGHT_LOSS, gradient: str = RIGHT_GRADIENT) -> str:
    return OWN.format(loss=loss, gradient=gradient)


WRONG = {
    "04.1": [
        ("CE01", "guess = -0.2 * math.log(0.2)"),
        ("CE01", "guess = 0.32"),
        ("CE01", "guess = -0.8 * math.log(0.8) - 0.2 * math.log(0.2)"),
        ("CE02", "guess = -math.log2(0.2)"),
        ("CE02", "guess = -math.log10(0.2)"),
        ("CE02", "guess = 0.70"),
        ("CE03", "guess = 0.69"),
        ("CE03", "guess = math.log(2)"),
        ("CE21", "guess = -math.log(0.8)"),
        ("CE21", "guess = 0.22"),
        ("CE22", "guess = 1 - 0.2"),
        ("CE32", "guess = math.log(0.2)"),
        ("CE33", "guess = -math.log(0.8) - math.log(0.2)"),
        (None, "guess = 5"),
        (None, "guess = 'a lot'"),
    ],
    "04.2": [
        ("LS01", "def log_softmax(z):\n    return z - torch.log(torch.exp(z).sum())"),
        ("LS01", LOG_SOFTMAX + "shifted - z.exp().sum().log()"),
        ("LS02", LOG_SOFTMAX + "z - shifted.exp().sum().log()"),
        ("LS03", LOG_SOFTMAX + "shifted - shifted.exp().sum()"),
        ("CE15", LOG_SOFTMAX + "(shifted.exp() / shifted.exp().sum()).log()"),
        ("CE15", LOG_SOFTMAX + "torch.log(torch.softmax(z, dim=0))"),
        ("SM03", LOG_SOFTMAX + "torch.log(z.exp() / z.exp().sum())"),
        ("SM05", LOG_SOFTMAX + "(z / z.sum()).log()"),
        ("CE27", LOG_SOFTMAX + "shifted.exp() / shifted.exp().sum()"),
        ("CE35", LOG_SOFTMAX + "shifted.exp().sum().log() - shifted"),
        (None, LOG_SOFTMAX + "-shifted.exp().sum().log()"),
        (None, LOG_SOFTMAX + "shifted.exp().sum().logarithm()"),
    ],
    "04.3": [
        ("CE03", "vote = 'a'"),
        ("CE06", "vote = 'C'"),
        ("LR12", "vote = '(d)'"),
        ("CE12", "vote = 'e'"),
    ],
    "04.4": [
        ("CE14", DETECTOR + "F.binary_cross_entropy_with_logits(p, labels)"),
        ("CE15", DETECTOR + "F.binary_cross_entropy(p, labels)"),
        ("CE15", DETECTOR + TWO_TERMS),
        ("CE15", DETECTOR + "-torch.where(labels == 1, p, 1 - p).log().mean()"),
        ("SA01", DETECTOR + "((p - labels) ** 2).mean()"),
        ("MS07", DETECTOR + "F.mse_loss(scores, labels)"),
        ("SM06", ONE_COLUMN.format(dim=1) + "    return " + TWO_TERMS),
        ("SM06", DETECTOR + "F.cross_entropy(scores[:, None], labels.long())"),
        ("SM09", ONE_COLUMN.format(dim=0) + "    return " + TWO_TERMS),
        ("SM09", DETECTOR + "F.cross_entropy(scores, labels)"),
        (
            "CE01",
            "def yes_no_loss(scores, labels):\n"
            "    p = torch.where(labels == 1, scores.sigmoid(), 1 - scores.sigmoid())\n"
            "    return -(p * p.log()).mean()",
        ),
        ("CE23", DETECTOR + "F.binary_cross_entropy_with_logits(scores, labels, reduction='sum')"),
        ("CE28", DETECTOR + "-(labels * F.logsigmoid(scores)).mean()"),
        ("CE28", DETECTOR + "F.softplus(-scores).mean()"),
        ("CE15", DETECTOR + "F.binary_cross_entropy(p.clamp(1e-7, 1 - 1e-7), labels)"),
        (None, DETECTOR + "F.binary_cross_entropy_with_logits(-scores, labels)"),
        (None, DETECTOR + "F.binary_cross_entropy_with_logits(scores, labels.long())"),
    ],
    "04.5": [
        ("CE01", own("-(p * log_p)[range(N), labels].mean()")),
        ("CE01", own("-(p * log_p).sum(dim=1).mean()")),
        ("CE02", own("-(Y * log_p / math.log(2)).sum(dim=1).mean()")),
        ("CE02", own("-(Y * p.log10()).sum(dim=1).mean()")),
        ("CE05", own("F.cross_entropy(p, labels)")),
        ("CE06", own("-logits.log()[range(N), labels].mean()")),
        ("CE21", own("-log_p.max(dim=1).values.mean()")),
        ("CE22", own("(1 - p[range(N), labels]).mean()")),
        ("CE25", own("F.nll_loss(p, labels)")),
        ("SA01", own("((p - Y) ** 2).sum(dim=1).mean()")),
        ("SA01", own("F.mse_loss(p, Y)")),
        ("SM05", own("-(logits / logits.sum(dim=1, keepdim=True)).log()[range(N), labels].mean()")),
        ("SM09", own("-(Y * F.log_softmax(logits, dim=0)).sum(dim=1).mean()")),
        ("SM09", own(gradient="(F.softmax(logits, dim=0) - Y) / N")),
        ("CE23", own("-(Y * log_p).sum()", "p - Y")),
        ("CE23", own(gradient="p - Y")),
        ("CE24", own("-(Y * log_p).mean()")),
        ("CE24", own(gradient="(p - Y) / (N * C)")),
        (
            "SM03",
            "def loss_and_gradient(logits, labels):\n"
            "    p = logits.exp() / logits.exp().sum(dim=1, keepdim=True)\n"
            "    Y = F.one_hot(labels, logits.shape[1])\n"
            "    return -p[range(len(labels)), labels].log().mean(), (p - Y) / len(labels)",
        ),
        (
            "LS01",
            own("(logits.exp().sum(dim=1).log() - logits[range(N), labels]).mean()"),
        ),
        ("LS02", own("(shifted.exp().sum(dim=1).log() - logits[range(N), labels]).mean()", RIGHT_GRADIENT)),
        ("CE15", own("-torch.log(torch.softmax(logits, dim=1))[range(N), labels].mean()")),
        ("CE15", own("-(p + 1e-9).log()[range(N), labels].mean()")),
        ("CE32", own("(Y * log_p).sum(dim=1).mean()")),
        ("CE33", own("-log_p.sum(dim=1).mean()")),
        (
            "LS04",
            "def loss_and_gradient(logits, labels):\n"
            "    shifted = logits - logits.max()\n"
            "    log_p = shifted - shifted.exp().sum(dim=1, keepdim=True).log()\n"
            "    Y = F.one_hot(labels, logits.shape[1])\n"
            "    return -(Y * log_p).sum(dim=1).mean(), (log_p.exp() - Y) / len(labels)",
        ),
        ("CE26", own(gradient="(Y - p) / N")),
        ("CE26", own(gradient="Y - p")),
        ("SA01", own(gradient="(p - Y) * p * (1 - p) / N")),
        ("SA01", own(gradient="2 * (p - Y) * p * (1 - p)")),
        ("CE31", own(gradient="p / N")),
        ("CE34", own(gradient="-Y / N")),
        ("CE34", own(gradient="Y * (p - Y) / N")),
        ("DC01", own(gradient="-Y / p / N")),
        ("CE07", own("F.cross_entropy(F.log_softmax(logits, dim=1), labels)")),
        (None, own(gradient="torch.zeros_like(p)")),
        (None, own("log_p.mean()")),
        (None, "def loss_and_gradient(logits, labels):\n    return 0.5"),
        (None, "def loss_and_gradient(logits, labels):\n    return logits.no_such_thing()"),
    ],
}

RIGHT = {
    "04.1": ["guess = -math.log(0.2)", "guess = 1.61", "guess = '1.6'", "guess = math.log(5)"],
    "04.2": [
        "def log_softmax(z):\n    return z - torch.logsumexp(z, dim=0)",
        "def log_softmax(scores):\n    return F.log_softmax(scores, dim=-1)",
        "def log_softmax(z):\n    m = z.max()\n    return z - (m + (z - m).exp().sum().log())",
        "def log_softmax(z):\n    return (z - z.max()) - math.log(sum(math.exp(one - z.max()) for one in z))",
    ],
    "04.3": ["vote = 'B'", "vote = ' b) '"],
    "04.4": [
        "def yes_no_loss(z, y):\n    return nn.BCEWithLogitsLoss()(z, y)",
        "def yes_no_loss(z, y):\n    return (y * F.softplus(-z) + (1 - y) * F.softplus(z)).mean()",
        "def yes_no_loss(z, y):\n    return (z.clamp(min=0) - z * y + torch.log1p((-z.abs()).exp())).mean()",
        "def yes_no_loss(z, y):\n    return F.cross_entropy(torch.stack([0 * z, z], dim=1), y.long())",
        "def yes_no_loss(z, y):\n    return -F.logsigmoid(torch.where(y == 1, z, -z)).mean()",
    ],
    "04.5": [
        own(),
        "def loss_and_gradient(logits, labels):\n"
        "    log_p = logits - logits.logsumexp(dim=1, keepdim=True)\n"
        "    gradient = log_p.exp()\n"
        "    gradient[torch.arange(len(labels)), labels] -= 1\n"
        "    return -log_p[torch.arange(len(labels)), labels].mean().item(), gradient / len(labels)",
        "def loss_and_gradient(logits, labels):\n"
        "    logits = logits.requires_grad_()\n"
        "    log_p = torch.log_softmax(logits, dim=1)\n"
        "    loss = -log_p.gather(1, labels[:, None]).mean()\n"
        "    loss.backward()\n"
        "    return loss, logits.grad",
    ],
}
