"""`python -m ingress.openapi > docs/openapi.json`."""

import sys

from ingress.openapi import written

sys.stdout.write(written())
