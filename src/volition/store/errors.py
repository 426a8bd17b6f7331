"""The error for input that cannot be used, where its readers look for it."""

from volition.errors import InputError as InputError
