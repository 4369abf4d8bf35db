"""The errors that a user can cause and mend; every room raises these, and the command line prints them."""


class NasdipError(ValueError):
    """Bad input. The message is one line that says what is wrong and what to do about it."""
