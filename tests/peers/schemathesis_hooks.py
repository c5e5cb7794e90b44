"""What schemathesis cannot know of the gateway that it judges (openapi.sh runs it).

Random names are hardly ever those of anything. So most names are exchanged for a few that the cases share: then they
meet what others made, clash, and replace and delete it. A text only ever becomes another text, and a member is only
taken out where its type is right, so what was wrong stays wrong. No case may call anything outside of this machine,
change the demo model that is asked, or take away the key that all are sent with.
"""

import itertools
import json
import os
import urllib.request
import zlib

import schemathesis
import urllib3

NAMES = ["spare", "east"]
TYPES = ["demo", "custom"]
# Answers what is asked of it.
UPSTREAM = os.environ["UPSTREAM_URL"]


def read(path):
    headers = {"authorization": f"Bearer {os.environ['SLUICEGATE_KEY']}"}
    with urllib.request.urlopen(urllib.request.Request(os.environ["SLUICEGATE_URL"] + path, headers=headers)) as answer:
        return json.load(answer)


# Wrong keys slow their address down, and here many are sent: so each connection comes from an address of its own.
connect = urllib3.util.connection.create_connection
numbers = itertools.count(1)


def connect_from_elsewhere(address, timeout=None, source_address=None, socket_options=None):
    number = next(numbers)
    elsewhere = f"127.{number >> 16 & 127}.{number >> 8 & 255}.{number & 255}"
    return connect(address, timeout, (elsewhere, 0), socket_options)


urllib3.util.connection.create_connection = connect_from_elsewhere

VENDORS = {kind["name"] for kind in read("/sluicegate/v1/provider-types")["providerTypes"]}
# What was there before the first case stays as it is.
OURS = {"demo"}
for collection, member in [("api-keys", "apiKeys"), ("providers", "providers"), ("models", "models")]:
    for resource in read(f"/sluicegate/v1/{collection}")[member]:
        OURS.update({resource["id"], resource.get("name", "demo")})


# Every member that a schema names.
MEMBERS = {member for schema in read("/openapi.json")["components"]["schemas"].values() for member in schema.get("properties", {})}


def pick(text, names):
    """One of the names, or in one of four cases the text itself; the same each time."""
    number = zlib.crc32(text.encode("utf-8", "surrogatepass"))
    return text if number % 4 == 3 else names[number // 4 % len(names)]


def exchange(members, name, names):
    if isinstance(members.get(name), str):
        members[name] = pick(members[name], names)


def drop(members, name, kind):
    """Takes out a member that is right by itself and hardly ever fits the others."""
    if type(members.get(name)) is kind:
        del members[name]


def mend_call(body):
    exchange(body, "model", ["demo"])
    drop(body, "best_of", int)
    if body.get("logprobs") is not True:
        drop(body, "top_logprobs", int)


def mend_message(message):
    """A member that is `null` is absent, also one that nobody knows; schemas cannot say so."""
    for name, value in message.items():
        if value is None and name not in MEMBERS:
            message[name] = 0


def mend_resource(resource):
    mend_message(resource)
    for name, names in [("name", NAMES), ("provider", NAMES), ("upstreamId", NAMES), ("alias", ["", "both"]), ("etag", [""])]:
        exchange(resource, name, names)
    if isinstance(resource.get("type"), str):
        resource["type"] = "custom" if resource["type"] in VENDORS else pick(resource["type"], TYPES)
        resource["baseUrl"] = UPSTREAM if resource["type"] == "custom" else ""
        drop(resource, "settings", dict)
        drop(resource, "headers", dict)
        drop(resource, "credential", dict)
        drop(resource, "connection", dict)


def mend_watsonx(body, kind):
    for name, names in [("name", NAMES), ("id", NAMES), ("alias", ["", "both"])]:
        exchange(body, name, names)
    if isinstance(body.get("data"), dict):
        body["data"] = {"base_url": UPSTREAM} if kind == "custom" else {}


@schemathesis.hook
def before_call(context, case, kwargs):
    path, arguments = case.operation.path, case.path_parameters or {}
    # The segment that holds a type is called `id` where the route of an id stands beside it.
    kind = "type" if "type" in arguments else "id" if path == "/ml/gateway/v1/providers/{id}" and case.method == "POST" else None
    for name, value in arguments.items():
        if not isinstance(value, str):
            continue
        if name == kind:
            arguments[name] = "custom" if value in VENDORS else pick(value, TYPES)
        elif value in OURS and case.method != "GET":
            arguments[name] = NAMES[0]
        elif len(value) != 36:  # a UUID out of an earlier answer
            arguments[name] = pick(value, NAMES)
    if not isinstance(case.body, dict):
        return
    if path.endswith(("/completions", "/embeddings")):
        mend_call(case.body)
    elif path.startswith("/ml/"):
        mend_watsonx(case.body, arguments.get(kind))
    else:
        mend_message(case.body)
        for name in ("provider", "model", "apiKey"):
            if isinstance(case.body.get(name), dict):
                mend_resource(case.body[name])
