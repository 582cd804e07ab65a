"""Page 03: mistakes and right answers, written as a reader would write them."""

IN_PARTS = """
def descend_in_parts(x, y, lr, parts, steps):
    w = torch.tensor(1.0, dtype=torch.float64, requires_grad=True)
    b = torch.tensor(0.0, dtype=torch.float64, requires_grad=True)
    optimizer = torch.optim.SGD([w, b], lr=lr)
    for _ in range(steps):
        optimizer.zero_grad()
        for x_part, y_part in zip(x.chunk(parts), y.chunk(parts)):
            loss = ((w * x_part + b - y_part) ** 2).mean()
            factor = {}
            (factor * loss).backward()
        optimizer.step()
    return w.item(), b.item()
"""

SLOPES = """
def slopes(error, x):
    slope_w = {}
    slope_b = {}
    return slope_w, slope_b
"""

STEP = """
def training_step(line, optimizer, scheduler, x, y):
    prediction = line(x.reshape(-1, 1)){squeeze}
    loss = ((prediction - y) ** 2).{reduce}()
    {first}
    loss.backward()
    {late}
    {update}.step()
    return loss.item()
"""
CLEAR = "optimizer.zero_grad()"


def step(squeeze=".squeeze(1)", reduce="mean", first=CLEAR, late="", update="optimizer") -> str:
    return STEP.format(squeeze=squeeze, reduce=reduce, first=first, late=late, update=update)


EDGE = """
def edge(x, reduction):
    inputs = torch.stack([x, torch.ones_like(x)], dim=1)
    hessian = {two} * inputs.T @ inputs
    {scale}
    return {edge}
"""
MEAN_ONLY = "hessian = hessian if reduction == 'sum' else hessian / len(x)"
LARGEST = "2 / torch.linalg.eigvalsh(hessian)[-1]"


def edge(two=2, scale=MEAN_ONLY, edge=LARGEST) -> str:
    return EDGE.format(two=two, scale=scale, edge=edge)


WRONG = {
    "03.1": [
        ("LR01", "guess = 0.12"),
        ("LR06", "guess = 0.119"),
        ("LR07", "guess = 0.01"),
        ("LR07", "guess = 0.05"),
        (None, "guess = 'the second'"),
    ],
    "03.2": [
        ("ZG05", IN_PARTS.format("1")),
        ("MS09", IN_PARTS.format("1 / len(x_part)")),
        ("MS09", IN_PARTS.format("1 / len(x)")),
        ("ZG07", IN_PARTS.format("parts")),
        ("MS02", IN_PARTS.format("len(x_part)")),
        (None, IN_PARTS.format("0.3")),
        (None, IN_PARTS.format("1 / pieces")),
    ],
    "03.3": [
        ("MS05", SLOPES.format("2 * (error * x).mean(dim=0)", "2 * error.mean(dim=0)")),
        ("MS02", SLOPES.format("2 * (error * x).sum(dim=0)", "2 * error.sum(dim=0)")),
        (
            "MS04",
            SLOPES.format("-2 * (error * x).sum(0) / error.numel()", "-2 * error.sum(0) / error.numel()"),
        ),
        ("MS08", SLOPES.format("(error * x).sum(0) / error.numel()", "error.sum(0) / error.numel()")),
        ("MS08", SLOPES.format("(error * x).mean(0)", "error.mean(0)")),
        ("MS10", SLOPES.format("2 * error.sum(0) / error.numel()", "2 * error.sum(0) / error.numel()")),
        ("MS10", SLOPES.format("2 * error.mean(0)", "2 * error.mean(0)")),
        ("MS11", SLOPES.format("2 * (error * x).mean()", "2 * error.mean()")),
        ("MS11", SLOPES.format("2 * (error * x).mean(dim=1)", "2 * error.mean(dim=1)")),
        (
            "MS02",
            SLOPES.format("2 * (error * x).sum(0) / error.shape[1]", "2 * error.sum(0) / error.shape[1]"),
        ),
        ("MS12", SLOPES.format("2 * x.T @ error / error.numel()", "2 * error.sum(0) / error.numel()")),
        ("MS12", SLOPES.format("2 * error.T @ x / error.numel()", "2 * error.sum(0) / error.numel()")),
        ("MS11", SLOPES.format("2 * error * x / error.numel()", "2 * error / error.numel()")),
        (None, SLOPES.format("(error**2 * x).mean(0)", "(error**2).mean(0)")),
    ],
    "03.4": [
        ("LR04", step(squeeze="", update="scheduler")),
        ("LR04", step(update="scheduler")),
        ("MS03", step(squeeze="")),
        ("ZG03", step(first="", late=CLEAR)),
        ("ZG03", step(squeeze="", first="", late=CLEAR)),
        ("ZG01", step(first="")),
        ("ZG01", step(squeeze="", first="")),
        ("MS02", step(reduce="sum")),
        ("MS03", step(squeeze="", reduce="sum")),
        (None, step(squeeze=".detach()")),
    ],
    "03.5": [
        ("LR03", edge(scale="hessian = hessian / len(x)")),
        ("MS02", edge(scale="")),
        ("LR11", edge(scale="hessian = hessian / len(x) ** (2 if reduction == 'sum' else 1)")),
        ("MS08", edge(two=1)),
        ("LR08", edge(edge="1 / torch.linalg.eigvalsh(hessian)[-1]")),
        ("LR09", edge(edge="2 / torch.linalg.eigvalsh(hessian)[0]")),
        ("LR10", edge(edge="2 / hessian.diagonal().max()")),
        ("LR10", edge(edge="2 / hessian[0, 0]")),
        ("LR11", edge(scale="hessian = hessian / len(x) if reduction == 'sum' else hessian")),
        ("LR13", edge(edge="torch.linalg.eigvalsh(hessian)[-1] / 2")),
        ("LR14", edge(edge="2 / hessian.trace()")),
        ("LR14", edge(edge="2 / torch.linalg.eigvalsh(hessian).sum()")),
        (None, edge(edge="2 / torch.linalg.det(hessian)")),
        (None, "def edge(x, reduction):\n    return 0.119756"),
    ],
}

RIGHT = {
    "03.1": ["guess = 1 / 10", "guess = '0.1'"],
    "03.2": [IN_PARTS.format("len(x_part) / len(x)"), IN_PARTS.format("torch.tensor(1.0) / parts")],
    "03.3": [
        SLOPES.format("2 * (error * x).mean(0) / error.shape[1]", "2 * error.mean(0) / error.shape[1]"),
        SLOPES.format("(2 * x.T @ error / error.numel())[0]", "2 / error.numel() * error.sum(0)"),
    ],
    "03.4": [
        step(squeeze=".flatten()"),
        step(squeeze="[:, 0]"),
        step(update="scheduler.optimizer"),
        step().replace("- y)", "- y.reshape(prediction.shape))").replace(".squeeze(1)", ""),
        step().replace("    return", "    scheduler.step()\n    return"),
        "def training_step(line, optimizer, scheduler, x, y):\n"
        "    optimizer.zero_grad()\n"
        "    loss = F.mse_loss(line(x[:, None]), y[:, None])\n"
        "    loss.backward()\n"
        "    optimizer.step()\n"
        "    return loss.item()",
    ],
    "03.5": [
        edge(),
        "def edge(x, reduction):\n"
        "    theta = torch.zeros(2, dtype=x.dtype)\n"
        "    loss = lambda t: F.mse_loss(t[0] * x + t[1], torch.zeros_like(x), reduction=reduction)\n"
        "    return 2 / torch.linalg.eigvalsh(torch.autograd.functional.hessian(loss, theta)).max()",
        "def edge(x, reduction):\n"
        "    n = 1 if reduction == 'sum' else len(x)\n"
        "    p, q, r = 2 * (x * x).sum() / n, 2 * x.sum() / n, 2 * len(x) / n\n"
        "    return 2 / ((p + r) / 2 + (((p - r) / 2) ** 2 + q**2) ** 0.5)",
    ],
}
