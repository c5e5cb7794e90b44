"""IBM's SDK judges what the adapter asks: given the same messages and parameters, which its schemas must know, it has to
make the same request. And it judges our fixtures: it must read them as answers of watsonx.ai."""

import base64
import dataclasses
import json
import pathlib
import sys
import time
import warnings

import httpx
from ibm_watsonx_ai import APIClient, Credentials
from ibm_watsonx_ai.foundation_models import Embeddings, ModelInference
from ibm_watsonx_ai.foundation_models.schema import (
    TextChatParameters,
    TextChatResponseFormat,
    TextChatResponseJsonSchema,
    TextGenParameters,
)
from ibm_watsonx_ai.wml_client_error import WMLClientError

from golden import judge

HOST = "https://watsonx.example.com"
answers = pathlib.Path(sys.argv[1]).parent / "answers"
warnings.simplefilter("ignore")

asked = []
reply = httpx.Response(500)


def token():
    def part(claims):
        return base64.urlsafe_b64encode(json.dumps(claims).encode()).rstrip(b"=").decode()

    now = int(time.time())
    return ".".join([part({"alg": "none"}), part({"iat": now, "exp": now + 3600, "sub": "judge"}), "signature"])


def respond(request):
    if request.url.path == "/identity/token":
        return httpx.Response(200, json={"access_token": token(), "expires_in": 3600, "token_type": "Bearer"})
    asked.append(request)
    return reply


client = APIClient(
    Credentials(url=HOST, platform_url=HOST, api_key="key", auth_url=f"{HOST}/identity/token"),
    httpx_client=httpx.Client(transport=httpx.MockTransport(respond)),
    scope_validation=False,
)


def fixture(name):
    text = (answers / name).read_bytes() if answers.exists() else b"{}"
    kind = "text/event-stream" if name.endswith(".stream.txt") else "application/json"
    return httpx.Response(200, content=text, headers={"content-type": kind})


def form(given):
    """The schema of a form, from the same as JSON."""
    given = dict(given)
    if "json_schema" in given:
        given["json_schema"] = TextChatResponseJsonSchema(**given["json_schema"])
    return TextChatResponseFormat(**given)


def chat(model, body, stream):
    messages = body.pop("messages")
    named = {name: body.pop(name) for name in ("tools", "tool_choice", "tool_choice_option") if name in body}
    if "response_format" in body:
        body["response_format"] = form(body["response_format"])
    # Refuses members that it does not know.
    parameters = TextChatParameters(**body)
    if stream:
        return list(model.chat_stream(messages=messages, params=parameters, **named))
    return model.chat(messages=messages, params=parameters, **named)


def check(request):
    global reply
    path, _, query = request["path"].partition("?")
    assert query.startswith("version="), query
    body = json.loads(json.dumps(request["body"]))
    model_id, project = body.pop("model_id"), body.pop("project_id")
    client.default_project_id = project
    model = ModelInference(model_id=model_id, api_client=client, validate=False)
    asked.clear()
    operation = path.rsplit("/", 1)[1]
    match operation:
        case "chat":
            reply = fixture("text.reply.json")
            chat(model, body, stream=False)
        case "chat_stream":
            reply = fixture("text.stream.txt")
            chat(model, body, stream=True)
        case "generation":
            reply = fixture("completion.reply.json")
            model.generate(prompt=body.pop("input"), params=TextGenParameters(**body.pop("parameters")))
            assert not body, body
        case "generation_stream":
            reply = fixture("completion.stream.txt")
            list(model.generate_text_stream(prompt=body.pop("input"), params=TextGenParameters(**body.pop("parameters"))))
            assert not body, body
        case "embeddings":
            reply = fixture("embedding.reply.json")
            Embeddings(model_id=model_id, api_client=client).generate(inputs=body.pop("inputs"))
            assert not body, body
    theirs = asked[-1]
    assert theirs.url.path == path, f"{theirs.url.path}, not {path}"
    said = json.loads(theirs.content)
    # What it has no parameters for, it leaves out, or sends as nothing.
    ours = {name: value for name, value in request["body"].items() if value != {}}
    said = {name: value for name, value in said.items() if value not in ({}, None)}
    assert said == ours, f"it asks {said}"


def check_answers():
    """Every fixture that our adapter reads to its end, as the SDK reads it."""
    global reply
    client.default_project_id = "p"
    model = ModelInference(model_id="m", api_client=client, validate=False)
    for path in sorted(answers.glob("*")):
        reply = fixture(path.name)
        kind = path.name.split("-")[0].split(".")[0]
        if path.name.endswith(".stream.txt") and kind != "completion":
            try:
                events = list(model.chat_stream(messages=[{"role": "user", "content": "Hi"}]))
                assert events, path
            except WMLClientError:
                assert path.name == "text-error.stream.txt", path
        elif path.name.endswith(".reply.json") and kind not in ("completion", "embedding", "models"):
            assert "id" in model.chat(messages=[{"role": "user", "content": "Hi"}]) or kind == "error", path


check_answers()
judge(check)
