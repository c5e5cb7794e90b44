"""Anthropic's SDK judges what the adapter asks: the types of its parameters, strictly, members it does not know refused."""

import collections.abc
import io
import os
import sys
import typing

# This file has the name of the package: its own folder must not come first.
here = sys.path.pop(0)
import anthropic.types  # noqa: E402
from anthropic._types import SequenceNotStr  # noqa: E402

sys.path.append(here)
import pydantic  # noqa: E402
import typing_extensions as extensions  # noqa: E402
from golden import judge  # noqa: E402

known = {}


def strict(kind):
    """The same type; its dictionaries take only members that they know, and its lists are read at once."""
    if extensions.is_typeddict(kind):
        if kind not in known:
            hints = extensions.get_type_hints(kind)
            required = kind.__required_keys__
            members = {
                name: (extensions.Required if name in required else extensions.NotRequired)[strict(hint)]
                for name, hint in hints.items()
            }
            known[kind] = extensions.TypedDict(kind.__name__, members)
            # Schemas of callers say what they want.
            extra = "allow" if kind.__name__.startswith("InputSchema") else "forbid"
            known[kind].__pydantic_config__ = pydantic.ConfigDict(extra=extra)
        return known[kind]
    origin, arguments = extensions.get_origin(kind), extensions.get_args(kind)
    if origin in (collections.abc.Iterable, SequenceNotStr):
        return list[strict(arguments[0])]
    if origin is typing.Union:
        return typing.Union[tuple(strict(one) for one in arguments if is_json(one))]
    return kind


def is_json(kind):
    """Objects of the SDK and open files may stand in its parameters too; ours are JSON."""
    origin = extensions.get_origin(kind) or kind
    return not (
        origin in (typing.Annotated, typing.IO, os.PathLike)
        or (isinstance(origin, type) and issubclass(origin, pydantic.BaseModel | io.IOBase))
    )


parameters = pydantic.TypeAdapter(
    typing.Union[
        strict(anthropic.types.message_create_params.MessageCreateParamsNonStreaming),
        strict(anthropic.types.message_create_params.MessageCreateParamsStreaming),
    ]
)


def check(request):
    assert request["method"] == "POST" and request["path"] == "/v1/messages", request["path"]
    assert "anthropic-version: 2023-06-01" in request["headers"], request["headers"]
    parameters.validate_python(request["body"])


judge(check)
