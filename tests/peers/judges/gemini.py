"""Google's own SDK judges what the adapter asks of Gemini.

Each request is read into the SDK's types, which refuse members that they do not know, and written again by the SDK's own
converters for the Gemini API. What the SDK would send must be what we send.
"""

import base64
import copy
import json

from golden import judge
from google import genai
from google.genai import _common, models, types

# What stands beside `generationConfig` in a body and inside the configuration in the SDK.
BESIDE = {
    "systemInstruction": "system_instruction",
    "tools": "tools",
    "toolConfig": "tool_config",
    "safetySettings": "safety_settings",
    "cachedContent": "cached_content",
    "serviceTier": "service_tier",
    "store": "store",
}

CLIENT = genai.Client(api_key="none")._api_client


# Objects of the callers' own.
OPEN = ("args", "response", "parametersJsonSchema", "responseJsonSchema")


def camel(name):
    """The API takes both spellings of a member; the SDK mixes them."""
    first, *rest = name.split("_")
    return first + "".join(word.capitalize() for word in rest)


def same(value, name=""):
    """Values in one form: names in camel case, bytes as standard base64, objects of the callers' own untouched."""
    if name in OPEN:
        return value
    if isinstance(value, dict):
        return {camel(key): same(inner, camel(key)) for key, inner in value.items()}
    if isinstance(value, list):
        return [same(inner) for inner in value]
    if isinstance(value, str) and name in ("data", "thoughtSignature"):
        padded = value.replace("-", "+").replace("_", "/")
        return base64.b64encode(base64.b64decode(padded, validate=True)).decode()
    return value


def written(parameters):
    """What the SDK sends, as JSON."""
    body = _common.convert_to_dict(parameters)
    body = _common.encode_unserializable_types(body)
    body.pop("_url", None)
    body.pop("_query", None)
    return json.loads(json.dumps(body))


def generate(body):
    config = dict(body.get("generationConfig", {}))
    unknown = set(body) - set(BESIDE) - {"contents", "generationConfig"}
    assert not unknown, f"members that generateContent does not have: {unknown}"
    for member, name in BESIDE.items():
        if member in body:
            config[name] = body[member]
    types.GenerationConfig.model_validate(body.get("generationConfig", {}))
    parameters = types._GenerateContentParameters(
        model="m",
        contents=[types.Content.model_validate(content) for content in body["contents"]],
        config=types.GenerateContentConfig.model_validate(config),
    )
    return written(models._GenerateContentParameters_to_mldev(CLIENT, parameters))


def embed(body):
    assert set(body) == {"requests"}, f"members that batchEmbedContents does not have: {set(body)}"
    requests = body["requests"]
    config = {key: value for key, value in requests[0].items() if key not in ("model", "content")}
    for request in requests:
        known = {"model": request["model"], "content": request["content"], **config}
        assert request == known, "inputs of one batch differ in more than their content"
    parameters = types._EmbedContentParametersPrivate(
        model=requests[0]["model"],
        contents=[types.Content.model_validate(request["content"]) for request in requests],
        config=types.EmbedContentConfig.model_validate(config),
    )
    return written(models._EmbedContentParametersPrivate_to_mldev(CLIENT, parameters))


def check(request):
    assert request["method"] == "POST", request["method"]
    body = copy.deepcopy(request["body"])
    method = request["path"].rsplit(":", 1)[1]
    if method in ("generateContent", "streamGenerateContent?alt=sse"):
        sent = generate(body)
    elif method == "batchEmbedContents":
        sent = embed(body)
    else:
        raise AssertionError(f"a method that we do not know: {method}")
    assert same(sent) == same(request["body"]), f"the SDK would send {json.dumps(sent)}"


def taken(spoil):
    """Whether a request with this change would be taken."""
    call = {"functionCall": {"name": "f", "args": {}}, "thoughtSignature": "c2ln"}
    answer = {"functionResponse": {"name": "f", "response": {"output": "x"}}}
    body = {
        "contents": [
            {"role": "user", "parts": [{"text": "Hi"}]},
            {"role": "model", "parts": [call]},
            {"role": "user", "parts": [answer]},
        ],
        "tools": [{"functionDeclarations": [{"name": "f"}]}],
        "generationConfig": {"maxOutputTokens": 1},
    }
    spoil(body)
    try:
        check({"method": "POST", "path": "/v1beta/models/m:generateContent", "body": body})
    except Exception:  # Whatever it says, it says no.
        return False
    return True


PLANTED = [
    lambda body: body.update(top_k=1),
    lambda body: body["contents"][0].update(name="anna"),
    lambda body: body["contents"][0]["parts"][0].update(type="text"),
    lambda body: body["contents"][1]["parts"][0].update(thoughtSignature="not base64!"),
    lambda body: body["contents"][1]["parts"][0]["functionCall"].update(args="{}"),
    lambda body: body["contents"][2]["parts"][0]["functionResponse"].update(response="x"),
    lambda body: body["generationConfig"].update(maxTokens=1),
    lambda body: body["tools"][0]["functionDeclarations"][0].update(strict=True),
]

assert taken(lambda body: None), "a right request is refused"
for number, spoil in enumerate(PLANTED):
    assert not taken(spoil), f"planted fault {number} was not found"
judge(check)
