"""``python -m riskmodel`` is the same as ``riskmodel``."""

import sys

from riskmodel.cli import main

sys.exit(main())
