"""Cohere's SDK judges what the adapter asks: the parameters of its own calls and their types, strictly, members it does not
know refused."""

import collections.abc
import inspect
import sys
import typing

# This file has the name of the package: its own folder must not come first.
here = sys.path.pop(0)
import cohere.v2.raw_client as client  # noqa: E402

sys.path.append(here)
import pydantic  # noqa: E402
from golden import judge  # noqa: E402

CALLS = {
    "/v2/chat": (client.RawV2Client.chat, client.RawV2Client.chat_stream),
    "/v2/embed": (client.RawV2Client.embed, None),
}
# Texts of the fixtures that no version of the SDK knows: unknown things travel, and their vendor judges them.
UNKNOWN = ("narrator", "hologram")


def closed(kind):
    """The same type; where the SDK leaves a list of words open for later versions, only those that it knows."""
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if origin is typing.Union:
        known = tuple(closed(one) for one in arguments if one is not typing.Any)
        return typing.Union[known]
    if origin in (list, collections.abc.Sequence):
        return list[closed(arguments[0])]
    return kind


def check_members(value, kind, place):
    """Refuses members that the SDK's types do not have, and words that its lists do not have."""
    if isinstance(value, pydantic.BaseModel):
        if value.model_extra:
            raise ValueError(f"{place} has unknown members {sorted(value.model_extra)}")
        for name, field in type(value).model_fields.items():
            check_members(getattr(value, name), field.annotation, f"{place}.{name}")
        return
    if kind is not None:
        pydantic.TypeAdapter(closed(kind)).validate_python(value)
    if isinstance(value, list):
        for index, element in enumerate(value):
            check_members(element, None, f"{place}[{index}]")


def check(request):
    body = dict(request["body"])
    whole, stream = CALLS[request["path"]]
    call = stream if body.pop("stream", False) else whole
    parameters = inspect.signature(call).parameters
    hints = typing.get_type_hints(call)
    for name, parameter in parameters.items():
        required = parameter.default is inspect.Parameter.empty and name != "self"
        if required and name not in body:
            raise ValueError(f"{name} is required")
    for name, value in body.items():
        if name not in parameters or name == "request_options":
            raise ValueError(f"{name} is no parameter of {call.__name__}")
        taken = pydantic.TypeAdapter(hints[name]).validate_python(value)
        check_members(taken, hints[name], name)


def check_known(request):
    """As `check`; what the fixtures invent must be refused, so that it is seen that nothing is waved through."""
    invented = any(word in str(request["body"]) for word in UNKNOWN)
    try:
        check(request)
    except Exception:
        if invented:
            return
        raise
    if invented:
        raise ValueError("the SDK takes what was invented")


judge(check_known)
