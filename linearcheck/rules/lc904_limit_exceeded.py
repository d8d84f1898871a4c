"""LC904 `limit-exceeded`: the check took more time or memory than allowed, or its process ended.

## What it means
The constructor or `forward` runs for ever, asks for more memory than the limit, or ends the process. The model was not checked to its end.

## What to do
The time limit is set with `--timeout SECONDS`.
"""

from linearcheck.findings import Severity
from linearcheck.rules.rule import FixAvailability, Rule

RULE = Rule("LC904", "limit-exceeded", Severity.WARNING, FixAvailability.NEVER, __doc__ or "")
