"""Types of the SDKs that are generated for Python's type checkers, read strictly: what they do not know is refused."""

import collections.abc
import io
import os
import typing

import pydantic
import typing_extensions as extensions

known = {}


def strict(kind, lists=(collections.abc.Iterable,)):
    """The same type; its dictionaries take only members that they know, and what the SDK takes as `lists` are read at
    once."""
    if extensions.is_typeddict(kind):
        if kind not in known:
            hints = extensions.get_type_hints(kind)
            required = kind.__required_keys__
            members = {
                name: (extensions.Required if name in required else extensions.NotRequired)[strict(hint, lists)]
                for name, hint in hints.items()
            }
            known[kind] = extensions.TypedDict(kind.__name__, members)
            # Schemas of callers say what they want.
            extra = "allow" if kind.__name__.startswith("InputSchema") else "forbid"
            known[kind].__pydantic_config__ = pydantic.ConfigDict(extra=extra)
        return known[kind]
    origin, arguments = extensions.get_origin(kind), extensions.get_args(kind)
    if origin in lists or origin is list:
        return list[strict(arguments[0], lists)]
    if origin is typing.Union:
        return typing.Union[tuple(strict(one, lists) for one in arguments if is_json(one))]
    return kind


def is_json(kind):
    """Objects of the SDK and open files may stand in its parameters too; ours are JSON."""
    origin = extensions.get_origin(kind) or kind
    return not (
        origin in (typing.Annotated, typing.IO, os.PathLike)
        or (isinstance(origin, type) and issubclass(origin, pydantic.BaseModel | io.IOBase))
    )
