"""The evidence on disk."""

from volition.store.delivery import (
    InputError as InputError,
    delivery_groups as delivery_groups,
    read_delivery as read_delivery,
)
