"""``python -m jupyter_green.cli``, for where the installed command is not on the path."""

import sys

from . import main

sys.exit(main())
