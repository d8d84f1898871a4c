"""LC902 `input-unknown`: what goes into the model is not known.

## What it means
No `--input-shape` was given and none is declared, and the first layers do not tell, or the shapes that were given are not as many as
`forward` takes.
The model was not checked.

## What to do
Give one `--input-shape` per required argument of `forward`, in its order or by name: `--input-shape image=3,224,224`.
"""

from linearcheck.findings import Severity
from linearcheck.rules.rule import FixAvailability, Rule

RULE = Rule("LC902", "input-unknown", Severity.WARNING, FixAvailability.NEVER, __doc__ or "")
