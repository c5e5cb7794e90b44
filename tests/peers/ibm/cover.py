"""Which public methods of the SDK there are, and which were run."""

import contextlib
import inspect
import sys

PACKAGE = "ibm_watsonx_ai.gateway"


def _resources(thing, path):
    """The thing and every public thing of the package that it holds."""
    yield path, thing
    for name, value in vars(thing).items():
        if not name.startswith("_") and type(value).__module__.startswith(PACKAGE):
            yield from _resources(value, f"{path}.{name}")


def methods(*roots):
    """Every public method of these objects and of what they hold: its code by its name."""
    found = {}
    for root in roots:
        for path, thing in _resources(root, type(root).__name__):
            for name, value in inspect.getmembers_static(type(thing)):
                function = value.__func__ if isinstance(value, (staticmethod, classmethod)) else value
                if inspect.isfunction(function) and not name.startswith("_"):
                    found[f"{path}.{name}"] = function.__code__
    return found


@contextlib.contextmanager
def run_code():
    """The code that runs within the block, as the interpreter's profiler tells it: the SDK itself is left as it is."""
    ran = set()

    def note(frame, event, _):
        if event == "call":
            ran.add(frame.f_code)

    sys.setprofile(note)
    try:
        yield ran
    finally:
        sys.setprofile(None)
