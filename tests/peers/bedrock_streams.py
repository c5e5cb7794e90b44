"""boto3 reads the streams of our fake Bedrock as what their fixtures say: texts, calls, reasoning, the end, usage, and the
class of an exception. So the bytes that the gateway's tests decode are those that AWS's own client takes."""

import base64
import json
import os
import pathlib

import boto3
import botocore.config
import botocore.exceptions

client = boto3.client(
    "bedrock-runtime",
    endpoint_url=os.environ["UPSTREAM_URL"],
    region_name="us-east-1",
    aws_access_key_id="AKIDEXAMPLE",
    aws_secret_access_key="secret",
    config=botocore.config.Config(retries={"total_max_attempts": 1}),
)


def without_padding(payload):
    return {name: value for name, value in payload.items() if name != "p"}


def known(said, read):
    """What boto3 read must be what was said; members of which its model knows nothing are not read."""
    if isinstance(read, dict):
        assert set(read) <= set(said), f"{read} is more than {said}"
        for name in read:
            known(said[name], read[name])
    elif isinstance(read, list):
        assert len(read) == len(said), f"{read} is not {said}"
        for one, other in zip(said, read):
            known(one, other)
    elif isinstance(read, bytes):
        assert base64.b64decode(said) == read
    else:
        assert said == read, f"{read} is not {said}"


def judge(path):
    frames = json.loads(path.read_text(encoding="utf-8"))
    case = path.name.removesuffix(".frames.json")
    events, failure = [], None
    try:
        for event in client.converse_stream(modelId=f"case.{case}", messages=[])["stream"]:
            events.extend(event.items())
    except botocore.exceptions.EventStreamError as error:
        failure = error.response["Error"]
    said = [frame for frame in frames if frame.get("event") not in (None, "pulse")]
    assert [name for name, _ in events if name != "SDK_UNKNOWN_MEMBER"] == [frame["event"] for frame in said], events
    for frame, (_, payload) in zip(said, [event for event in events if event[0] != "SDK_UNKNOWN_MEMBER"]):
        known(without_padding(frame["payload"]), payload)
    [broken] = [frame for frame in frames if "event" not in frame] or [None]
    assert (broken is None) == (failure is None), failure
    if broken is not None:
        assert failure["Code"] == broken.get("exception", broken.get("error")), failure
        assert failure["Message"] == broken.get("message", broken.get("payload", {}).get("message")), failure


cases = sorted(pathlib.Path(os.environ["FIXTURES"]).glob("*.frames.json"))
for case in cases:
    judge(case)
print(f"ok {len(cases)} streams")
