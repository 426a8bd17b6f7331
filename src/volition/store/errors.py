"""The error for input that cannot be used."""

from volition.errors import InputError as InputError
