"""The error for input that cannot be used."""


class InputError(ValueError):
    """Something given to read is wrong; the message says what, and what to do."""
