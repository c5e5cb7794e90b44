"""Mistral's SDK judges what the row asks: its own models of requests must hold everything that is asked."""

import sys

from golden import judge
from mistralai.client import models

CALLS = {
    "/chat/completions": (models.ChatCompletionRequest, models.ChatCompletionStreamRequest),
    "/embeddings": (models.EmbeddingRequest, None),
}
# What the fixtures invent travels, and its vendor judges it: a request that holds it must be refused here. So does what
# Mistral has no place for and would change the answer if it were left out: it is for Mistral to refuse.
INVENTED = ("narrator", "hologram", "input_type", "modalities")


def check_known(request):
    whole, stream = CALLS[request["path"]]
    body = request["body"]
    model = stream if body.get("stream") else whole
    held = model.model_validate(body, strict=True).model_dump(mode="json", by_alias=True, exclude_unset=True)
    lost(body, held, "request")


def lost(asked, held, place):
    """Raises where something that is asked is not held."""
    if isinstance(asked, dict):
        if not isinstance(held, dict):
            raise ValueError(f"{place} is {held!r}")
        for name, value in asked.items():
            if name not in held:
                raise ValueError(f"{place}.{name} is not known")
            lost(value, held[name], f"{place}.{name}")
    elif isinstance(asked, list):
        if not isinstance(held, list) or len(asked) != len(held):
            raise ValueError(f"{place} is {held!r}")
        for index, (one, other) in enumerate(zip(asked, held)):
            lost(one, other, f"{place}[{index}]")
    elif asked != held:
        raise ValueError(f"{place} is {held!r} and not {asked!r}")


def check(request):
    tokens = any(isinstance(one, (int, list)) for one in request["body"].get("input", []))
    invented = tokens or any(word in str(request["body"]) for word in INVENTED)
    try:
        check_known(request)
    except Exception:
        if invented:
            return
        raise
    if invented:
        raise ValueError("the SDK takes what was invented")


judge(check)
