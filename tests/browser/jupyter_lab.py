"""A JupyterLab of the tests' own: its server, and one tab of a browser with one page of the course in it."""

import json
import os
import secrets
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

NOTEBOOKS = Path(__file__).parents[2] / "notebooks"
IN_LAB = Path(__file__).with_name("in_lab.js")
FORKED_KERNELS = Path(__file__).with_name("forked_kernels.py")
PATIENCE = 240_000  # ms; far more than anything takes on a quiet machine
NO_NEWS = '{"fetchNews": "false", "checkForUpdates": false}'
CLOSED = "http://127.0.0.1:9"  # nobody listens there: a kernel that asks outside gets an error


@contextmanager
def lab_server(folder: Path) -> Iterator[str]:
    """Serve copies of all pages from `folder`/course/notebooks; gives the address, with %s for a path.

    Settings, kernels and traces of the user who runs the tests are neither read nor written.
    """
    course, news = folder / "course", folder / "settings" / "@jupyterlab" / "apputils-extension"
    shutil.copytree(NOTEBOOKS, course / "notebooks", ignore=shutil.ignore_patterns(".*"))
    news.mkdir(parents=True)
    (news / "notification.jupyterlab-settings").write_text(NO_NEWS)
    own = {f"JUPYTER_{what}_DIR": str(folder / what) for what in ("CONFIG", "DATA", "RUNTIME")}
    own |= {"JUPYTER_PREFER_ENV_PATH": "0", "IPYTHONDIR": str(folder / "ipython")}
    own |= dict.fromkeys(("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"), CLOSED)
    own |= dict.fromkeys(("no_proxy", "NO_PROXY"), "127.0.0.1,localhost")
    token = secrets.token_hex(8)
    options = (
        "--no-browser",
        "--allow-root",
        "--ServerApp.ip=127.0.0.1",
        "--ServerApp.port=0",
        f"--ServerApp.root_dir={course}",
        f"--IdentityProvider.token={token}",
        f"--LabApp.user_settings_dir={folder / 'settings'}",
        f"--LabApp.workspaces_dir={folder / 'workspaces'}",
        "--LabApp.news_url=None",
        "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate",
        "--LabApp.expose_app_in_browser=True",
    )
    log = folder / "server.log"
    with log.open("w") as written, kernels_forked(folder, written):
        server = subprocess.Popen(
            (sys.executable, "-m", "jupyterlab", *options),
            env=os.environ | own,
            stdout=written,
            stderr=subprocess.STDOUT,
        )
        try:
            yield f"{_address(server, folder / 'RUNTIME', log)}lab/workspaces/%s?token={token}"
        finally:
            server.terminate()  # it ends its kernels
            try:
                server.wait(20)
            except subprocess.TimeoutExpired:
                server.kill()
                server.wait()


@contextmanager
def kernels_forked(folder: Path, log: IO) -> Iterator[None]:
    """Let the server whose data are in `folder`/DATA fork its kernels, on Linux; elsewhere it starts them."""
    if sys.platform != "linux":
        yield
        return
    quick, script = [sys.executable, "-S", "-E"], str(FORKED_KERNELS)
    kernel = {
        "argv": [*quick, script, "wait_for_kernel", str(folder), "{connection_file}"],
        "display_name": "Python 3 (ipykernel)",
        "language": "python",
        "interrupt_mode": "message",  # a signal would reach only the process that waits
        "metadata": {"debugger": True, "supported_encryption": ["curve"]},
    }
    of_python3 = folder / "DATA" / "kernels" / "python3"
    of_python3.mkdir(parents=True)
    (of_python3 / "kernel.json").write_text(json.dumps(kernel))
    serve = (sys.executable, script, "serve", str(folder))
    with subprocess.Popen(serve, stdin=subprocess.PIPE, stdout=log, stderr=subprocess.STDOUT):
        yield


def _address(server: subprocess.Popen, runtime: Path, log: Path) -> str:
    """What the server has written of itself, once it has."""
    until = time.monotonic() + PATIENCE / 1000
    while server.poll() is None and time.monotonic() < until:
        for file in runtime.glob("jpserver-*.json"):
            if text := file.read_text():
                return json.loads(text)["url"]
        time.sleep(0.1)
    raise RuntimeError(f"JupyterLab did not start:\n{log.read_text()[-3000:]}")


class Tab:
    """One page of the course in JupyterLab.

    page: the browser's; a JupyterLab that it shows already is used again. asked: every address it asked for.
    complaints: errors of the page's own code and of the browser.
    """

    def __init__(self, page, address: str, file: str) -> None:
        self.page, self.file, self.begun, self.closed = page, file, False, False
        self.page.set_default_timeout(PATIENCE)
        self.asked, self.complaints = [], []
        self._listeners = {
            "request": lambda request: self.asked.append(request.url),
            "websocket": lambda socket: self.asked.append(socket.url),
            "pageerror": lambda error: self.complaints.append(str(error)),
            "console": self._heard,
            "dialog": lambda dialog: dialog.accept(),  # the page is left though it is not saved
        }
        for event, listener in self._listeners.items():
            self.page.on(event, listener)
        if self.page.url == "about:blank":
            # A workspace of its own: two tabs in one would send each other away.
            self.page.goto(address % f"{file[:2]}/tree/notebooks/{file}", wait_until="commit")
        else:
            self.page.evaluate("file => void course.open(file)", f"notebooks/{file}")

    def _heard(self, message) -> None:
        # While a kernel starts, the server's list of kernels may answer 500: not the page's doing.
        if message.type == "error" and "/api/" not in message.location["url"]:
            self.complaints.append(message.text)

    def begin(self) -> None:
        """Run all cells, without waiting for them."""
        if not self.begun:
            ready = "file => course.kernel(file)?.status === 'idle'"
            try:
                self.wait(ready, self.file)
            except Exception:  # once, as a reader does with a page that does not come
                self.page.reload(wait_until="commit")
                self.wait(ready, self.file)
            self.page.evaluate("() => void course.run()")
            self.begun = True

    def has_ended(self) -> bool:
        """Whether the cells have run, or the page has stopped at an error."""
        return self.closed or (self.begun and self.page.evaluate("() => course.ran"))

    def finish(self) -> None:
        """Wait until it has ended."""
        self.begin()
        self.wait("() => course.ran")

    def wait(self, condition: str, *given) -> None:
        """Until a function of JavaScript is true, asked ten times a second."""
        self.page.wait_for_function(condition, arg=given[0] if given else None, polling=100)

    def close(self) -> None:
        """End the kernel and close the page; its JupyterLab stays."""
        self.page.evaluate("() => course.close()")
        self.closed = True
        for event, listener in self._listeners.items():
            self.page.remove_listener(event, listener)

    # Cells, by id

    def node(self, cell: str):
        """The cell as an element, scrolled to."""
        element = self.page.evaluate_handle("id => course.cell(id).node", cell).as_element()
        element.scroll_into_view_if_needed()
        return element

    def write(self, cell: str, code: str, by_keys: bool) -> None:
        """Replace what stands in a code cell: typed key by key, or pasted, which takes no time."""
        self.node(cell).query_selector(".cm-content").click()
        self.page.keyboard.press("ControlOrMeta+a")
        (self.page.keyboard.type if by_keys else self.page.keyboard.insert_text)(code)
        written = self.page.evaluate("id => course.cell(id).model.sharedModel.source", cell)
        assert written == code, written

    def run(self, cell: str) -> str:
        """Run one cell as a reader does; gives what it shows."""
        before = self.page.evaluate("id => course.count(id)", cell)
        self.node(cell).query_selector(".cm-content").click()
        self.page.keyboard.press("Shift+Enter")
        self.wait("([id, before]) => ![null, before].includes(course.count(id))", [cell, before])
        self.page.evaluate("() => course.settled()")
        return self.node(cell).eval_on_selector(".jp-Cell-outputWrapper", "e => e.textContent")
