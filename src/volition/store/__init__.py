"""The evidence on disk: the only package that knows SQL."""

from volition.store.commonroad import (
    read_recording as read_recording,
    read_recordings as read_recordings,
)
from volition.store.comparisons import (
    CHOICES as CHOICES,
    COMPARISON as COMPARISON,
    check_paths as check_paths,
    path_option as path_option,
    read_evidence as read_evidence,
    rows_of as rows_of,
    write_evidence as write_evidence,
)
from volition.store.delivery import (
    delivery_groups as delivery_groups,
    read_delivery as read_delivery,
)
from volition.store.errors import InputError as InputError
from volition.store.evidence import (
    Conflict as Conflict,
    Evidence as Evidence,
    Question as Question,
    Said as Said,
    Stored as Stored,
    now as now,
)
from volition.store.minari import (
    Recorded as Recorded,
    Seen as Seen,
    read_minari as read_minari,
)
from volition.store.plain_file import (
    file_size as file_size,
    read_small_text as read_small_text,
)
from volition.store.saved import (
    check_finite as check_finite,
    read_saved as read_saved,
)
