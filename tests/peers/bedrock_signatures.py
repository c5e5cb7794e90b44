"""botocore signs the requests that the gateway has sent, at the time that they tell, and comes to the same signatures."""

import datetime
import json
import sys
import unittest.mock

import botocore.auth
import botocore.awsrequest
import botocore.credentials

said = json.load(sys.stdin)
for request in said["requests"]:
    headers = {name.lower(): value for name, value in request["headers"]}
    authorization = headers["authorization"]
    assert authorization.startswith("AWS4-HMAC-SHA256 Credential="), authorization
    signed = authorization.split("SignedHeaders=")[1].split(",")[0].split(";")
    region = authorization.split("Credential=")[1].split("/")[2]
    own = {"host", "x-amz-date", "x-amz-security-token"}
    again = botocore.awsrequest.AWSRequest(
        method=request["method"],
        url=f"http://{headers['host']}{request['path']}",
        data=request["body"].encode(),
        headers={name: headers[name] for name in signed if name not in own},
    )
    credentials = botocore.credentials.Credentials(said["id"], said["key"], said["token"])
    time = datetime.datetime.strptime(headers["x-amz-date"], "%Y%m%dT%H%M%SZ").replace(tzinfo=datetime.timezone.utc)
    age = abs((datetime.datetime.now(datetime.timezone.utc) - time).total_seconds())
    assert age < 300, f"signed {age} seconds ago"
    with unittest.mock.patch("botocore.auth.get_current_datetime", return_value=time):
        botocore.auth.SigV4Auth(credentials, "bedrock", region).add_auth(again)
    assert again.headers["Authorization"] == authorization, f"{again.headers['Authorization']}\n{authorization}"
    assert headers.get("x-amz-security-token") == said["token"]
print(f"ok {len(said['requests'])} signatures")
