"""`python -m linearcheck`."""

import os
import sys

# Python puts the working directory first on the path, and a file of the user's called `typer.py` would be imported in place of ours.
if sys.path and sys.path[0] in ("", os.getcwd()):
    del sys.path[0]

from linearcheck.cli.main import main

if __name__ == "__main__":
    main()
