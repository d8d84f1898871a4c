"""The pipeline of a worker that checks thousands of models: what their children would each import is imported once."""

import numpy.random  # noqa: F401

import linearcheck.fix.trial
import linearcheck.load.probing
import linearcheck.load.solving  # noqa: F401
from linearcheck.pipeline import check_model

__all__ = ["check_model"]
