"""`python -m siprtmp_b2bua` is the command `siprtmp`."""

import sys

from .cli import main

sys.exit(main())
