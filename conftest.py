"""What every test of the course runs under, also a single page given by name: small corpus, one thread.

The kernels that run the pages are started from here and inherit these settings.
"""

import os

os.environ["COURSE_CORPUS"] = "twins"  # never the download
for variable in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ[variable] = "1"
