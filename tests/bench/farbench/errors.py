"""The one kind of error that ends a run with a sentence instead of a trace."""


class BenchError(Exception):
    """What failed, where, and what to do; printed as it is."""
