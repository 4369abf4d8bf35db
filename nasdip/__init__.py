"""Neural architecture search for Deep Image Prior."""

__version__ = "0.1.0"
