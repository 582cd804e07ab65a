"""What every test of the course runs under, also a single page given by name: small corpus, one thread.

The kernels that run the pages are started from here and inherit these settings.
"""

import os

import pytest

os.environ["COURSE_CORPUS"] = "twins"  # never the download
for variable in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ[variable] = "1"


@pytest.fixture(autouse=True)
def _subnormal_numbers_as_python_has_them() -> None:
    """Undo what importing `helpers.training` does to a process: no test may depend on which ran before."""
    import torch

    torch.set_flush_denormal(False)
