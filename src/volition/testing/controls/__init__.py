"""Controls of the audit: what each probe must find, and what it must not."""

from volition.testing.controls.control import (
    Control as Control,
    controls as controls,
    fires as fires,
)
