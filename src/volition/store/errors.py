"""The error for input that cannot be used, where its readers look for it."""

from volition.input_error import InputError as InputError
