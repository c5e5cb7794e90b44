"""Every method of the SDK that calls a model: at once, as a stream, and asynchronously."""

import array
import asyncio
import base64
import inspect
import json

from ibm_watsonx_ai.foundation_models import Embeddings
from ibm_watsonx_ai.gateway.gateway_inference import GatewayInference
from setups import QUICK, equal

MESSAGES = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "What is a sluice? \u6c34 \U0001f30a"}]
PROMPT = "A sluice is"
FIXED = {"temperature": 0, "seed": 1}

SCHEMA = {
    "type": "object",
    "properties": {"city": {"type": "string"}, "days": {"type": "integer"}},
    "required": ["city", "days"],
    "additionalProperties": False,
}
TOOL = {"type": "function", "function": {"name": "get_weather", "parameters": SCHEMA}}
FORM = {"type": "json_schema", "json_schema": {"name": "report", "strict": True, "schema": SCHEMA}}


def alias(at):
    return at.model["alias"]


async def listed(stream):
    return [chunk async for chunk in await stream]


def said(answer, kind="chat.completion"):
    """The text of an answer that is whole."""
    equal(answer["object"], kind, "object")
    assert answer["id"] and answer["created"] > 0, answer
    # The model that served the call, not the alias that was asked for.
    equal(answer["model"], "demo", "model")
    usage = answer["usage"]
    equal(usage["total_tokens"], usage["prompt_tokens"] + usage["completion_tokens"], "total tokens")
    choice = answer["choices"][0]
    assert choice["finish_reason"] in ("stop", "length"), choice
    text = choice["message"]["content"] if kind.startswith("chat") else choice["text"]
    assert text, "the answer is empty"
    return text


def streamed(chunks, kind="chat.completion.chunk"):
    """The text of a stream that ended once, with a reason."""
    equal({chunk["object"] for chunk in chunks}, {kind}, "objects")
    choices = [choice for chunk in chunks for choice in chunk["choices"]]
    equal(len([choice for choice in choices if choice.get("finish_reason")]), 1, "finish reasons of one stream")
    if kind.startswith("chat"):
        return "".join(choice["delta"].get("content") or "" for choice in choices)
    return "".join(choice["text"] for choice in choices)


def check_chat(at):
    chat, asked = at.gateway.chat.completions, {"model": alias(at), "messages": MESSAGES, **FIXED}
    text = said(chat.create(**asked))
    equal(said(at.await_(chat.acreate(**asked))), text, "text asynchronously")
    counted = {"stream": True, "stream_options": {"include_usage": True}}
    chunks = list(chat.create(**asked, **counted))
    equal(streamed(chunks), text, "streamed text")
    equal([bool(chunk.get("usage")) for chunk in chunks].index(True), len(chunks) - 1, "the chunk with usage")
    equal(streamed(at.await_(listed(chat.acreate(**asked, stream=True)))), text, "text streamed asynchronously")
    # By what else a model is known.
    for model in (at.gateway.models.get_id(at.model), "demo"):
        equal(said(chat.create(**{**asked, "model": model})), text, f"text by the name {model}")


def check_parallel_calls(at):
    """Twice as many as the SDK has connections, and a stream that is left before its end."""
    chat, asked = at.gateway.chat.completions, {"model": alias(at), "messages": MESSAGES, **FIXED}

    async def together():
        return await asyncio.gather(*(chat.acreate(**asked) for _ in range(20)))

    equal(len({said(answer) for answer in at.await_(together())}), 1, "different texts of parallel calls")
    stream = chat.create(**asked, stream=True)
    assert next(stream)["choices"], "the first chunk holds no choice"
    stream.close()
    assert said(chat.create(**asked)), "the call after a stream that was left"


def check_tools(at):
    chat = at.gateway.chat.completions
    asked = {"model": alias(at), "messages": MESSAGES, "tools": [TOOL], "tool_choice": "required", **FIXED}
    choice = chat.create(**asked)["choices"][0]
    equal(choice["finish_reason"], "tool_calls", "finish reason")
    [call] = choice["message"]["tool_calls"]
    equal(call["function"]["name"], "get_weather", "called tool")
    assert isinstance(json.loads(call["function"]["arguments"])["days"], int), call
    deltas = [delta for chunk in chat.create(**asked, stream=True) for choice in chunk["choices"]
              for delta in choice["delta"].get("tool_calls") or []]
    arguments = "".join(delta["function"].get("arguments") or "" for delta in deltas)
    equal(arguments, call["function"]["arguments"], "streamed arguments")
    result = [choice["message"], {"role": "tool", "tool_call_id": call["id"], "content": "Rain."}]
    assert said(chat.create(**{**asked, "messages": MESSAGES + result, "tool_choice": "none"})), "after a tool result"


def check_schema(at):
    asked = {"model": alias(at), "messages": MESSAGES, "response_format": FORM, **FIXED}
    value = json.loads(said(at.gateway.chat.completions.create(**asked)))
    equal(set(value), {"city", "days"}, "members that the schema asks for")


def check_completions(at):
    completions, asked = at.gateway.completions, {"model": alias(at), "prompt": PROMPT, "max_tokens": 16, **FIXED}
    text = said(completions.create(**asked), "text_completion")
    equal(said(at.await_(completions.acreate(**asked)), "text_completion"), text, "text asynchronously")
    equal(streamed(list(completions.create(**asked, stream=True)), "text_completion"), text, "streamed text")
    chunks = at.await_(listed(completions.acreate(**asked, stream=True)))
    equal(streamed(chunks, "text_completion"), text, "text streamed asynchronously")
    several = completions.create(**{**asked, "prompt": [PROMPT, "Another"]})
    equal([choice["index"] for choice in several["choices"]], [0, 1], "choices of two prompts")
    equal(several["choices"][0]["text"], text, "text of the first of two prompts")
    said(completions.create(**{**asked, "prompt": [1, 2, 3]}), "text_completion")


def check_embeddings(at):
    embeddings, texts = at.gateway.embeddings, ["water", "gate"]
    answer = embeddings.create(model=alias(at), input=texts)
    equal((answer["object"], [item["index"] for item in answer["data"]]), ("list", [0, 1]), "embeddings")
    assert answer["usage"]["prompt_tokens"] > 0, answer["usage"]
    equal(at.await_(embeddings.acreate(model=alias(at), input=texts)), answer, "asynchronously")
    vectors = [item["embedding"] for item in answer["data"]]
    assert vectors[0] != vectors[1], "different texts have one vector"
    equal(embeddings.create(model=alias(at), input="gate")["data"][0]["embedding"], vectors[1], "vector of a text alone")
    raw = embeddings.create(model=alias(at), input=texts, encoding_format="base64")
    equal(base64.b64decode(raw["data"][0]["embedding"]), array.array("f", vectors[0]).tobytes(), "vector as base64")
    through = Embeddings(model_id=alias(at), gateway=at.gateway)
    equal(through.embed_query("gate"), vectors[1], "vector through Embeddings")
    equal(through.embed_documents(texts), vectors, "vectors through Embeddings")


def check_embeddings_of_many_inputs_keep_the_indexes_of_their_batches_by_a_defect_of_the_sdk(at):
    """The SDK makes a call of each thousand inputs and puts the answers together without counting on."""
    texts = [f"text {number % 7}" for number in range(1001)]
    answer = at.gateway.embeddings.create(model=alias(at), input=texts, dimensions=4)
    equal(len(answer["data"]), 1001, "vectors")
    equal(answer["data"][1000]["embedding"], answer["data"][1000 % 7]["embedding"], "vector of the last text")
    # The gateway counts right in both calls: the index begins anew, and prompt_tokens are those of the first.
    equal((answer["data"][999]["index"], answer["data"][1000]["index"]), (999, 0), "indexes")
    assert answer["usage"]["total_tokens"] > answer["usage"]["prompt_tokens"], answer["usage"]


def check_gateway_inference(at):
    model = GatewayInference(model=alias(at), api_client=at.api_client, max_tokens=16, **FIXED, **QUICK)
    text = said(model.chat(MESSAGES))
    equal(said(at.await_(model.achat(MESSAGES))), text, "achat")
    equal(streamed(list(model.chat_stream(MESSAGES))), text, "chat_stream")
    equal(streamed(at.await_(listed(model.achat_stream(MESSAGES)))), text, "achat_stream")
    text = said(model.generate(PROMPT), "text_completion")
    equal(said(at.await_(model.agenerate(PROMPT)), "text_completion"), text, "agenerate")
    equal(streamed(list(model.generate_stream(PROMPT)), "text_completion"), text, "generate_stream")
    chunks = at.await_(listed(model.agenerate_stream(PROMPT)))
    equal(streamed(chunks, "text_completion"), text, "agenerate_stream")
    equal(model.get_details(), at.model, "details by alias")
    # A parameter of the call stands above that of the object.
    equal(model.chat(MESSAGES, max_tokens=1)["choices"][0]["finish_reason"], "length", "finish reason of one token")


# One sensible value for each parameter that GatewayInference has a name for.
FUNCTION = {"name": "f", "parameters": {"type": "object", "properties": {}}}
VALUES = {
    "audio": {"voice": "alloy", "format": "wav"},
    "best_of": 3,
    "echo": True,
    "frequency_penalty": 0.5,
    "function_call": "none",
    "functions": [FUNCTION],
    "logit_bias": {"1": 2},
    "max_completion_tokens": 5,
    "max_tokens": 5,
    "metadata": {"a": "b"},
    "modalities": ["text", "audio"],
    "n": 2,
    "parallel_tool_calls": False,
    "prediction": {"type": "content", "content": "x"},
    "presence_penalty": 0.25,
    "reasoning_effort": "low",
    "response_format": {"type": "json_object"},
    "seed": 9007199254740993,
    "service_tier": "auto",
    "stop": ["a", "b"],
    "store": False,
    "stream_options": {"include_usage": True},
    "suffix": "x",
    "temperature": 0.5,
    "tool_choice": "required",
    "tools": [TOOL],
    "top_logprobs": 2,
    "top_p": 0.75,
    "user": "someone",
}
# What is meant for the gateway, not for the model.
OF_THE_GATEWAY = {"cache": {"enabled": False}, "router": {"max_cost": 1}}
# Only as a stream, and in the two that exclude each other.
ALONE = {"max_completion_tokens", "stream_options"}


def check_every_parameter_reaches_the_provider(at):
    with at.upstream_model("tiny") as alias_of_it:
        model = GatewayInference(model=alias_of_it, api_client=at.api_client, **QUICK)
        for name, subject, logprobs in [("chat", MESSAGES, True), ("generate", PROMPT, 2)]:
            call, stream = getattr(model, name), getattr(model, f"{name}_stream")
            known = [one.name for one in inspect.signature(call).parameters.values() if one.kind is one.KEYWORD_ONLY]
            values = {**VALUES, **OF_THE_GATEWAY, "logprobs": logprobs}
            unknown = set(known) - set(values)
            assert not unknown, f"parameters of {name} that this check does not know: {unknown}"
            given = {one: values[one] for one in known if one not in ALONE}
            call(subject, **given)
            for one in given.keys() - OF_THE_GATEWAY.keys():
                equal(at.upstream.asked[-1].get(one), given[one], f"{one} of {name}")
            chunks = list(stream(subject, stream_options={"include_usage": True}))
            equal(chunks[-1]["usage"]["total_tokens"], 12, "usage of the stream")
            equal(at.upstream.asked[-1]["stream_options"], {"include_usage": True}, "stream_options")
        model.chat(MESSAGES, max_completion_tokens=5)
        equal(at.upstream.asked[-1]["max_completion_tokens"], 5, "max_completion_tokens")
        # What neither the SDK nor the gateway has a name for.
        model.chat(MESSAGES, newer_than_both={"a": [1.0, None]})
        equal(at.upstream.asked[-1]["newer_than_both"], {"a": [1.0, None]}, "a parameter without a name")


CHECKS = [
    check_chat, check_parallel_calls, check_tools, check_schema, check_completions, check_embeddings,
    check_embeddings_of_many_inputs_keep_the_indexes_of_their_batches_by_a_defect_of_the_sdk,
    check_gateway_inference, check_every_parameter_reaches_the_provider,
]
