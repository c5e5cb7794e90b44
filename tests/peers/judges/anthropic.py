"""Anthropic's SDK judges what the adapter asks: the types of its parameters, strictly, members it does not know refused."""

import collections.abc
import sys
import typing

# This file has the name of the package: its own folder must not come first.
here = sys.path.pop(0)
import anthropic.types  # noqa: E402
from anthropic._types import SequenceNotStr  # noqa: E402

sys.path.append(here)
import pydantic  # noqa: E402
from golden import judge  # noqa: E402
from strict import strict  # noqa: E402

lists = (collections.abc.Iterable, SequenceNotStr)
parameters = pydantic.TypeAdapter(
    typing.Union[
        strict(anthropic.types.message_create_params.MessageCreateParamsNonStreaming, lists),
        strict(anthropic.types.message_create_params.MessageCreateParamsStreaming, lists),
    ]
)


def check(request):
    assert request["method"] == "POST" and request["path"] == "/v1/messages", request["path"]
    assert "anthropic-version: 2023-06-01" in request["headers"], request["headers"]
    parameters.validate_python(request["body"])


judge(check)
