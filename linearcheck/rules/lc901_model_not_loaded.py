"""LC901 `model-not-loaded`: the file could not be loaded, or the model in it not be built.

## What it means
A syntax error, an import that is missing or fails, no model in the file, a class that does not exist, or a constructor that needs arguments
or raises. The model was not checked.

## What to do
Constructor arguments are given with `--init NAME=VALUE` or as `model.py:Net(width=64)`, names at module level with `--set NAME=VALUE`.
"""

from linearcheck.findings import Severity
from linearcheck.rules.rule import FixAvailability, Rule

RULE = Rule("LC901", "model-not-loaded", Severity.WARNING, FixAvailability.NEVER, __doc__ or "")
