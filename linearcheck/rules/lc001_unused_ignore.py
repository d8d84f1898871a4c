"""LC001 `unused-ignore`: an ignore comment silences nothing.

## What it catches
A comment `# linearcheck: ignore[LC103]` on a line that has no finding of this code, or one that cannot be followed: brackets that are not
closed, a word between them that is no code. It is looked for where every model of the file was checked, for all that the comment could
silence.

## Why it matters
Whoever reads the comment looks for a mistake that is not there. And it would hide one that comes later.

## Example
    self.fc = nn.Linear(400, 10)  # linearcheck: ignore[LC101]     # and the input of `fc` has 400 features

## Fix
Remove the comment, or the code from it.
"""

from linearcheck.findings import Severity
from linearcheck.rules.rule import FixAvailability, Rule

RULE = Rule("LC001", "unused-ignore", Severity.WARNING, FixAvailability.NEVER, __doc__ or "")
