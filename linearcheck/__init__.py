"""linearcheck finds shape mistakes in PyTorch models before they run."""
__version__ = "0.1.0"
