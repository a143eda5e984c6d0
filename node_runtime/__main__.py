"""`python -m node_runtime` is `node-runtime`."""

import sys

from node_runtime.main import main

if __name__ == "__main__":
    sys.exit(main())
