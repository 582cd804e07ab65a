"""Kernels forked from one process that has imported what takes the pages long to import.

Torch and the rest take each page's kernel three seconds and more; twelve kernels on two cores feel it.
Nothing of the course itself is imported here, nor what asks, when imported, in which kernel it is:
ipywidgets, seaborn (which imports them), the inline backend of matplotlib.

JupyterLab starts this file instead of a kernel (`wait_for_kernel`). That process asks the one that forks
(`serve`) for a kernel, and lives as long as the kernel does; where nobody forks, it becomes an ordinary one.
"""

import gc
import importlib
import json
import os
import runpy
import select
import signal
import socket
import sys
import threading

KERNEL = "ipykernel_launcher"
SOCKET = "kernels.socket"  # in a folder of the server's
IMPORTED = (
    "ipykernel.kernelapp",
    "matplotlib.pyplot",
    "pandas",
    "scipy.sparse",
    "scipy.stats",
    "sklearn.calibration",
    "sklearn.metrics",
    "torch._dynamo",  # the first step of an optimizer asks for it
)


def serve(folder: str) -> None:
    """Fork a kernel for everyone who asks at the socket in `folder`, until standard input is closed."""
    os.chdir(folder)  # the path to the socket could be longer than sockets allow
    listening = socket.socket(socket.AF_UNIX)
    listening.bind(SOCKET)
    listening.listen()
    os.environ["MPLBACKEND"] = "module://matplotlib_inline.backend_inline"  # as every kernel sets it, in time
    for module in IMPORTED:
        importlib.import_module(module)
    gc.freeze()  # in no kernel are these objects looked at again
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits here for a kernel's end
    while listening in select.select([listening, sys.stdin], [], [])[0]:
        asking, _ = listening.accept()
        if os.fork() == 0:
            listening.close()
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            be_kernel(asking)
            os._exit(0)  # at once: to take apart all that was imported takes a second
        asking.close()


def be_kernel(asking: socket.socket) -> None:
    """Be the kernel that is asked for, in the folder and the environment of who asks."""
    wanted = json.loads(asking.makefile().readline())
    os.chdir(wanted["folder"])
    os.environ.clear()
    os.environ.update(wanted["environment"])
    del os.environ["JPY_PARENT_PID"]  # the kernel would watch that process, which is not its parent
    threading.Thread(target=end_with, args=[asking], daemon=True).start()
    sys.path.pop(0)  # this file's folder
    sys.argv = [KERNEL, "-f", wanted["connection"]]
    runpy.run_module(KERNEL, run_name="__main__")


def end_with(asking: socket.socket) -> None:
    """End this process when the one that asked for it has ended."""
    asking.recv(1)
    os._exit(1)


def wait_for_kernel(folder: str, connection: str) -> None:
    """Have a kernel forked that is reached as the file `connection` says; returns when it has ended."""
    wanted = {"folder": os.getcwd(), "environment": dict(os.environ), "connection": connection}
    asking = socket.socket(socket.AF_UNIX)
    try:
        os.chdir(folder)
        asking.connect(SOCKET)
    except OSError:
        os.chdir(wanted["folder"])
        os.execv(sys.executable, [sys.executable, "-m", KERNEL, "-f", connection])
    asking.sendall(json.dumps(wanted).encode() + b"\n")
    asking.recv(1)  # nothing is ever sent: it returns when the other end is closed


if __name__ == "__main__":
    {"serve": serve, "wait_for_kernel": wait_for_kernel}[sys.argv[1]](*sys.argv[2:])
