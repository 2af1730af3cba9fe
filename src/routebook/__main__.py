"""`python -m routebook`: the shell command."""

from __future__ import annotations

import sys

from routebook.cli import main

if __name__ == "__main__":
    sys.exit(main())
