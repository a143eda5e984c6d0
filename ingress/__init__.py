"""The processes that clients connect to.

One ingress is one thread, and several share a host: NumPy's products must not spread over all cores, each waiting for
the slowest. OpenBLAS reads this once, when NumPy is loaded.
"""

import os

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
