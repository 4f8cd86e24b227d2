"""A whole gateway to write invoices at: the one in which documents go outside Peppol."""

import importlib.util
from pathlib import Path

_PLACE = Path(__file__).parents[1] / "dispatch" / "conftest.py"
_SPEC = importlib.util.spec_from_file_location("dispatch_house", _PLACE)
assert _SPEC is not None
assert _SPEC.loader is not None
_HOUSES = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(_HOUSES)

dispatch_settings = _HOUSES.dispatch_settings
house = _HOUSES.house
lite = _HOUSES.lite
places = _HOUSES.places
signed_in = _HOUSES.signed_in
sink = _HOUSES.sink
