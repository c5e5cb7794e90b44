"""LLMock: fakes of vendors that fail as scripted and judge who calls them. Prints `ready URL`, ends with its input."""

import sys

from llmock.testing import LLMockServer

with LLMockServer() as server:
    print(f"ready {server.base_url('openai').removesuffix('/v1')}", flush=True)
    sys.stdin.read()
