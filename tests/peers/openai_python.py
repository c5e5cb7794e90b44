"""The unmodified OpenAI Python SDK judges the gateway. Reads SLUICEGATE_URL, SLUICEGATE_KEY and MODEL.

Prints `ok NAME` for each check and stops at the first that fails. A model other than
`demo` is only asked for what any model can do.
"""

import array
import asyncio
import base64
import json
import os
import sys
from enum import Enum

import openai
from pydantic import BaseModel

URL = os.environ["SLUICEGATE_URL"].rstrip("/") + os.environ.get("BASE_PATH", "/v1")
KEY = os.environ["SLUICEGATE_KEY"]
MODEL = os.environ.get("MODEL", "demo")

# No retries: the first answer is judged. These settings make any model repeat itself.
client = openai.OpenAI(base_url=URL, api_key=KEY, max_retries=0, timeout=30)
FIXED = {"temperature": 0, "seed": 1}
MESSAGES = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "What is a sluice? \u6c34 \U0001f30a"}]
CHAT = {"model": MODEL, "messages": MESSAGES, **FIXED}

SCHEMA = {
    "type": "object",
    "properties": {
        "unit": {"type": "string", "enum": ["celsius", "fahrenheit"]},
        "days": {"type": "integer"},
        "place": {
            "type": "object",
            "properties": {
                "city": {"type": "string"},
                "tags": {"type": "array", "items": {"type": "string"}},
                "coast": {"type": "boolean"},
            },
            "required": ["city", "tags", "coast"],
            "additionalProperties": False,
        },
    },
    "required": ["unit", "days", "place"],
    "additionalProperties": False,
}
TOOL = {"type": "function", "function": {"name": "get_weather", "description": "The weather of a place.", "parameters": SCHEMA}}
OTHER_TOOL = {"type": "function", "function": {"name": "get_time", "parameters": {"type": "object", "properties": {}}}}


def equal(got, wanted, what):
    assert got == wanted, f"{what}: got {got!r}, expected {wanted!r}"


def conforms(value, schema, at="$"):
    """Judges `value` by the few keywords that SCHEMA uses."""
    kinds = {"object": dict, "array": list, "string": str, "integer": int, "boolean": bool}
    kind = kinds[schema["type"]]
    # A bool is an int in Python, but not in JSON.
    assert isinstance(value, kind) and (kind is bool or not isinstance(value, bool)), f"{at} is no {schema['type']}: {value!r}"
    if "enum" in schema:
        assert value in schema["enum"], f"{at} is not in the enum: {value!r}"
    if kind is list:
        for index, item in enumerate(value):
            conforms(item, schema["items"], f"{at}[{index}]")
    if kind is dict:
        missing = set(schema["required"]) - set(value)
        unknown = set(value) - set(schema["properties"])
        assert not missing and not unknown, f"{at}: missing {missing}, unknown {unknown}"
        for name, item in value.items():
            conforms(item, schema["properties"][name], f"{at}.{name}")


def raises(kind, call):
    try:
        call()
    except openai.APIStatusError as error:
        assert type(error) is kind, f"expected {kind.__name__}, got {error!r}"
        assert error.body and error.body.get("message"), f"the error says nothing: {error.body!r}"
        return error
    raise AssertionError(f"expected {kind.__name__}, but the call succeeded")


def finished(chunks):
    """The text of a streamed chat, which must have ended once, with a reason."""
    choices = [choice for chunk in chunks for choice in chunk.choices]
    reasons = [choice.finish_reason for choice in choices if choice.finish_reason]
    assert len(reasons) == 1, f"finish reasons of one stream: {reasons}"
    assert len({chunk.id for chunk in chunks}) == 1, "the id changes within a stream"
    return "".join(choice.delta.content or "" for choice in choices)


# === Any model ===


def check_chat():
    answer = client.chat.completions.create(**CHAT)
    equal(answer.object, "chat.completion", "object")
    message = answer.choices[0].message
    equal(message.role, "assistant", "role")
    assert message.content, "the answer is empty"
    assert answer.choices[0].finish_reason in ("stop", "length"), answer.choices[0].finish_reason
    usage = answer.usage
    assert usage.prompt_tokens > 0 and usage.completion_tokens > 0, f"usage is {usage}"
    equal(usage.total_tokens, usage.prompt_tokens + usage.completion_tokens, "total tokens")
    equal(client.chat.completions.create(**CHAT).choices[0].message.content, message.content, "the same question again")


def check_stream():
    unary = client.chat.completions.create(**CHAT)
    chunks = list(client.chat.completions.create(**CHAT, stream=True, stream_options={"include_usage": True}))
    equal(finished(chunks), unary.choices[0].message.content, "streamed text")
    equal([chunk.usage is not None for chunk in chunks].count(True), 1, "chunks with usage")
    equal(chunks[-1].choices, [], "choices of the chunk with usage")
    assert chunks[-1].usage, "usage is not on the last chunk"
    equal(chunks[-1].usage.completion_tokens, unary.usage.completion_tokens, "completion tokens")


def check_stream_without_usage():
    chunks = list(client.chat.completions.create(**CHAT, stream=True))
    assert finished(chunks), "the stream is empty"
    assert all(chunk.usage is None for chunk in chunks), "usage is shown though nobody asked"


def check_completions():
    asked = {"model": MODEL, "prompt": "A sluice is", "max_tokens": 16, **FIXED}
    unary = client.completions.create(**asked)
    equal(unary.object, "text_completion", "object")
    assert unary.choices[0].text and unary.usage.completion_tokens > 0, unary
    chunks = list(client.completions.create(**asked, stream=True))
    equal("".join(choice.text for chunk in chunks for choice in chunk.choices), unary.choices[0].text, "streamed text")


def check_early_close():
    with client.chat.completions.create(**CHAT, stream=True) as stream:
        assert next(iter(stream)).choices, "the first chunk holds no choice"
    assert client.chat.completions.create(**CHAT).choices, "the call after a closed stream"


def check_async():
    async def run():
        async with openai.AsyncOpenAI(base_url=URL, api_key=KEY, max_retries=0, timeout=30) as asynchronous:
            async def text():
                return finished([c async for c in await asynchronous.chat.completions.create(**CHAT, stream=True)])

            texts = await asyncio.gather(*(text() for _ in range(4)))
            equal(len(set(texts)), 1, "different texts of parallel streams")
            stream = await asynchronous.chat.completions.create(**CHAT, stream=True)
            await anext(aiter(stream))
            await stream.close()
            assert await text() == texts[0], "the call after a closed stream"

    asyncio.run(run())


# === The demo model, and the gateway's own answers ===


def check_models():
    models = client.models.list().data
    assert MODEL in [model.id for model in models], f"{MODEL} is not among {[model.id for model in models]}"
    equal(client.models.retrieve(MODEL).id, MODEL, "retrieved id")
    equal(client.models.retrieve(MODEL).object, "model", "object")


def check_tools():
    for choice, tools in [
        ("required", [TOOL]),
        ({"type": "function", "function": {"name": "get_weather"}}, [OTHER_TOOL, TOOL]),
    ]:
        asked = {**CHAT, "tools": tools, "tool_choice": choice}
        answer = client.chat.completions.create(**asked).choices[0]
        equal(answer.finish_reason, "tool_calls", f"finish reason with tool_choice {choice}")
        call = answer.message.tool_calls[0]
        assert call.id and call.type == "function", call
        equal(call.function.name, "get_weather", "called tool")
        conforms(json.loads(call.function.arguments), SCHEMA)

        calls = {}
        for chunk in client.chat.completions.create(**asked, stream=True):
            for delta in chunk.choices[0].delta.tool_calls or [] if chunk.choices else []:
                parts = calls.setdefault(delta.index, {"id": "", "name": "", "arguments": ""})
                parts["id"] += delta.id or ""
                parts["name"] += delta.function.name or ""
                parts["arguments"] += delta.function.arguments or ""
        equal(list(calls), list(range(len(answer.message.tool_calls))), "indexes of streamed tool calls")
        assert calls[0]["id"], "the streamed tool call has no id"
        equal((calls[0]["name"], calls[0]["arguments"]), (call.function.name, call.function.arguments), "streamed tool call")


def check_tool_result():
    call = {"id": "call_1", "type": "function", "function": {"name": "get_weather", "arguments": "{}"}}
    turns = [{"role": "assistant", "tool_calls": [call]}, {"role": "tool", "tool_call_id": "call_1", "content": "Rain."}]
    answer = client.chat.completions.create(**{**CHAT, "messages": MESSAGES + turns})
    assert answer.choices[0].message.content, "no answer after a tool result"


def check_json_schema():
    form = {"type": "json_schema", "json_schema": {"name": "report", "strict": True, "schema": SCHEMA}}
    text = client.chat.completions.create(**CHAT, response_format=form).choices[0].message.content
    conforms(json.loads(text), SCHEMA)
    streamed = finished(list(client.chat.completions.create(**CHAT, response_format=form, stream=True)))
    equal(streamed, text, "streamed JSON")


class Unit(str, Enum):
    celsius = "celsius"
    fahrenheit = "fahrenheit"


class Place(BaseModel):
    city: str
    tags: list[str]


class Report(BaseModel):
    unit: Unit
    place: Place


def check_parse():
    parsed = client.chat.completions.parse(**CHAT, response_format=Report).choices[0].message.parsed
    assert isinstance(parsed, Report), f"parsed into {parsed!r}"


def check_embeddings():
    texts = ["water", "gate"]
    floats = client.embeddings.create(model=MODEL, input=texts, encoding_format="float")
    equal([item.index for item in floats.data], [0, 1], "indexes")
    assert floats.usage.prompt_tokens > 0, f"usage is {floats.usage}"
    # Left alone, the SDK asks for base64 and decodes it.
    default = client.embeddings.create(model=MODEL, input=texts)
    raw = client.embeddings.create(model=MODEL, input=texts, encoding_format="base64")
    for a, b, c in zip(floats.data, default.data, raw.data, strict=True):
        assert a.embedding and any(a.embedding), "the vector is empty"
        equal(array.array("f", a.embedding), array.array("f", b.embedding), "vector by default")
        equal(array.array("f", a.embedding).tobytes(), base64.b64decode(c.embedding), "vector as base64")
    assert floats.data[0].embedding != floats.data[1].embedding, "different texts have one vector"
    one = client.embeddings.create(model=MODEL, input="gate").data
    equal(one[0].embedding, default.data[1].embedding, "vector of a text asked for alone")


def check_errors():
    stranger = client.with_options(api_key="wrong-key-0123456789")
    equal(raises(openai.AuthenticationError, stranger.models.list).status_code, 401, "status")
    raises(openai.AuthenticationError, lambda: stranger.chat.completions.create(**CHAT))
    for stream in (False, True):
        unknown = raises(
            openai.NotFoundError, lambda: client.chat.completions.create(model="no-such-model", messages=MESSAGES, stream=stream)
        )
        equal(unknown.code, "model_not_found", "code")
        assert "no-such-model" in unknown.message, f"the message does not name the model: {unknown.message}"
        assert unknown.request_id, "the error has no request id"
    raises(openai.NotFoundError, lambda: client.models.retrieve("no-such-model"))
    for body in ({"messages": "hello"}, {"messages": []}, {"temperature": "hot"}):
        error = raises(openai.BadRequestError, lambda: client.chat.completions.create(**CHAT, extra_body=body))
        equal(error.type, "invalid_request_error", f"type of the error of {body}")


def check_request_id():
    answers = [client.chat.completions.with_raw_response.create(**CHAT) for _ in range(2)]
    ids = [answer.headers.get("x-request-id") for answer in answers]
    assert all(ids) and ids[0] != ids[1], f"x-request-id of two calls: {ids}"
    assert answers[0].parse().choices, "the raw answer does not parse"


ANY_MODEL = [check_chat, check_stream, check_stream_without_usage, check_completions, check_early_close, check_async]
DEMO = [
    check_models, check_tools, check_tool_result, check_json_schema, check_parse,
    check_embeddings, check_errors, check_request_id,
]


def main():
    for check in ANY_MODEL + (DEMO if MODEL == "demo" else []):
        name = check.__name__.removeprefix("check_")
        try:
            check()
        except Exception as problem:  # any surprise is the gateway's: an answer of an unforeseen shape
            line = problem.__traceback__.tb_next.tb_lineno
            sys.exit(f"FAILED {name} (line {line}): {type(problem).__name__}: {problem}")
        print("ok", name, flush=True)


if __name__ == "__main__":
    main()
