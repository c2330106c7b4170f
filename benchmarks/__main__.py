"""`python -m benchmarks` measures the figures of the README."""

import sys

from benchmarks.calls import main

sys.exit(main())
