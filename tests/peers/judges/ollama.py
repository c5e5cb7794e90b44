"""Ollama's SDK judges what the adapter asks: the types of its requests, members it does not know refused."""

import sys

# This file has the name of the package: its own folder must not come first.
here = sys.path.pop(0)
from ollama import _types as types  # noqa: E402

sys.path.append(here)
import pydantic  # noqa: E402
from golden import judge  # noqa: E402

CALLS = {"/api/chat": types.ChatRequest, "/api/generate": types.GenerateRequest, "/api/embed": types.EmbedRequest}
# The server takes more than its SDK sends.
SERVER = {
    types.ChatRequest: {"truncate"},
    types.Message: {"tool_call_id"},
    types.Message.ToolCall: {"id"},
    types.Options: {"min_p"},
}
# Members of the fixtures' callers that have no place; unknown things travel, and the server passes over them.
CALLERS = {types.EmbedRequest: {"input_type"}}


def take(kind, value, place):
    """Reads a value as this type, and refuses members that neither it nor the server has."""
    known = set(kind.model_fields) | SERVER.get(kind, set()) | CALLERS.get(kind, set())
    if unknown := set(value) - known:
        raise ValueError(f"{place} has unknown members {sorted(unknown)}")
    return kind.model_validate(value, strict=True)


def check(request):
    kind, body = CALLS[request["path"]], request["body"]
    taken = take(kind, body, kind.__name__)
    if "options" in body:
        take(types.Options, body["options"], "options")
    # Schemas of callers say what they want.
    for index, tool in enumerate(body.get("tools", [])):
        take(types.Tool, tool, f"tools[{index}]")
        take(types.Tool.Function, tool["function"], f"tools[{index}].function")
    for index, message in enumerate(body.get("messages", [])):
        place = f"messages[{index}]"
        # As the SDK's own client wraps them.
        images = [{"value": image} for image in message.get("images", [])]
        read = take(types.Message, {**message, "images": images}, place)
        for number, call in enumerate(message.get("tool_calls", [])):
            take(types.Message.ToolCall, call, f"{place}.tool_calls[{number}]")
            take(types.Message.ToolCall.Function, call["function"], f"{place}.tool_calls[{number}].function")
        # Only the writer looks into images.
        if read.model_dump(exclude_none=True)["images"] != message.get("images", []):
            raise ValueError(f"{place}.images are not what they were")
    # The SDK itself would send the same.
    sent = taken.model_dump(exclude_none=True)
    for name in set(sent) - {"messages", "tools"}:
        if sent[name] != body[name]:
            raise ValueError(f"{name} is {body[name]!r}, and the SDK sends {sent[name]!r}")
    if missing := {"chat": {"messages"}, "generate": {"prompt"}, "embed": {"input"}}[
        request["path"].rsplit("/", 1)[1]
    ] - set(body):
        raise ValueError(f"{sorted(missing)} are not there")


judge(check)
