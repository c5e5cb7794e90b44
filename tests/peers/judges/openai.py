"""OpenAI's SDK judges what the adapter asks: the types of its parameters, strictly, members it does not know refused."""

import collections.abc
import copy
import sys
import typing

# This file has the name of the package: its own folder must not come first.
here = sys.path.pop(0)
from openai._types import SequenceNotStr  # noqa: E402
from openai.types import completion_create_params, embedding_create_params  # noqa: E402
from openai.types.chat import completion_create_params as chat_create_params  # noqa: E402

sys.path.append(here)
import pydantic  # noqa: E402
from golden import judge  # noqa: E402
from strict import strict  # noqa: E402

lists = (collections.abc.Iterable, SequenceNotStr)
CALLS = {
    "/chat/completions": (
        chat_create_params.CompletionCreateParamsNonStreaming,
        chat_create_params.CompletionCreateParamsStreaming,
    ),
    "/completions": (
        completion_create_params.CompletionCreateParamsNonStreaming,
        completion_create_params.CompletionCreateParamsStreaming,
    ),
    "/embeddings": (embedding_create_params.EmbeddingCreateParams,),
}
adapters = {
    path: pydantic.TypeAdapter(typing.Union[tuple(strict(kind, lists) for kind in kinds)])
    for path, kinds in CALLS.items()
}
# What the fixtures invent travels, and its vendor judges it: a request that holds it must be refused here.
INVENTED = ("narrator", "hologram", "top_k", "input_type")
# What other servers with OpenAI's interface know, and callers may send to this one as well.
OTHERS = ("reasoning_content", "thinking_blocks")


def check(request):
    body = copy.deepcopy(request["body"])
    for message in body.get("messages", []):
        for name in OTHERS:
            message.pop(name, None)
    invented = any(word in str(body) for word in INVENTED)
    try:
        adapters[request["path"]].validate_python(body)
    except Exception:
        if invented:
            return
        raise
    if invented:
        raise ValueError("the SDK takes what was invented")


judge(check)
