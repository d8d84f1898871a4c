"""What an error message of PyTorch means, from the message alone. Needs the standard library, neither torch nor the model."""

from linearcheck.explain.explaining import Explanation, explain

__all__ = ["Explanation", "explain"]
