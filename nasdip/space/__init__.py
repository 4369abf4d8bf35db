"""What may be searched: operations, architectures, and search spaces read from JSON.

An `Architecture` is an immutable value with a text and a JSON form; a `SearchSpace` encodes it as a sequence of
decisions with masks. Sampling is here, building in `nasdip.network`.

To add an operation: one `Operation` line in `operations.py`, its module in `nasdip/network/plain/operations.py`, and
its name in a JSON file of `search_spaces/`.
"""
