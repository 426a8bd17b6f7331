"""Records: any frozen pytree of the library as JSON, exactly, and back. No pickle."""

from volition.files import write_text as write_text
from volition.record.names import (
    foreign_parts as foreign_parts,
    import_path as import_path,
)
from volition.record.read import from_json as from_json, load as load
from volition.record.write import save as save, to_json as to_json
