"""``python -m csr_lib`` is the same as ``csr``."""

import sys

from csr_lib.cli import main

sys.exit(main())
