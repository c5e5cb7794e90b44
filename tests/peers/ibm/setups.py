"""The ways into the gateway that IBM's Python SDK knows: as IBM Cloud, and as Software Hub."""

import asyncio
import contextlib
import functools
import logging
import multiprocessing
import os
import sys
import warnings
from collections.abc import Callable
from dataclasses import dataclass, field

import httpx

import wire
from ibm_watsonx_ai import APIClient, Credentials
from ibm_watsonx_ai.gateway import Gateway
from ibm_watsonx_ai.gateway.gateway_inference import GatewayInference
from upstream import Upstream

URL = os.environ["SLUICEGATE_URL"].rstrip("/")
KEY = os.environ["SLUICEGATE_KEY"]
CERTIFICATE = os.environ["SLUICEGATE_CERTIFICATE"]

# What the SDK is told about certificates.
BY_FILE, UNTOLD, OFF = CERTIFICATE, None, False

# So that a call which is refused again and again ends soon.
QUICK = {"max_retries": 2, "delay_time": 0.01}

# What the SDK has to say stands in the errors that the checks read.
warnings.simplefilter("ignore")
logging.getLogger("ibm_watsonx_ai").setLevel(logging.CRITICAL)


def equal(got, wanted, what):
    assert got == wanted, f"{what}: got {got!r}, expected {wanted!r}"


def raises(kind, call, *words):
    """The error that the call ends with; its class, and words that it must say."""
    try:
        got = call()
    except Exception as error:
        assert type(error) is kind, f"expected {kind.__name__}, got {type(error).__name__}: {error}"
        missing = [word for word in words if word not in str(error)]
        assert not missing, f"the error does not say {missing}: {error}"
        return error
    raise AssertionError(f"expected {kind.__name__}, but the call gave {got!r}")


@functools.cache
def token(key):
    """A token of Software Hub's endpoint, as a user would copy it from there."""
    answer = httpx.post(f"{URL}/icp4d-api/v1/authorize", json={"username": "someone", "api_key": key}, verify=CERTIFICATE)
    return answer.raise_for_status().json()["token"]


@dataclass
class Setup:
    """One way in: the credentials beside the url, made of a key, and what the SDK asks while it makes a client of them."""

    name: str
    credentials: Callable[[str], dict]
    verify: str | bool | None
    asks: list
    container: dict = field(default_factory=dict)

    def client(self, key=KEY):
        made = Credentials(url=URL, verify=self.verify, **self.credentials(key))
        return APIClient(made, scope_validation=False, **self.container)

    @contextlib.contextmanager
    def opened(self):
        """With what the checks work with; only in the process that runs them."""
        self.number = int.from_bytes(os.urandom(3)) + 1
        self.own = f"{self.name}-{self.number}"
        self.upstream = Upstream()
        self.runner = asyncio.Runner()
        self.api_client = self.client()
        self.gateway = Gateway(api_client=self.api_client, **QUICK)
        self.provider = self.gateway.providers.create(provider="demo", name=f"{self.own} demo", data={})["uuid"]
        self.model = self.gateway.models.create(self.provider, "demo", alias=f"{self.own}/demo")
        try:
            yield self
        finally:
            self.gateway.providers.delete(self.provider)

    @contextlib.contextmanager
    def upstream_model(self, *ids):
        """Models of this process's own upstream; gives what they are called by, one as it is and more as a list."""
        data = {"apikey": "upstream-secret-0123456789", "base_url": self.upstream.base_url}
        provider = self.gateway.providers.create(provider="openai", name=f"{self.own} upstream", data=data)["uuid"]
        make = self.gateway.models.create
        aliases = [make(provider, model, alias=f"{self.own}/{model}")["alias"] for model in ids]
        try:
            yield aliases if len(aliases) > 1 else aliases[0]
        finally:
            self.gateway.providers.delete(provider)

    def await_(self, coroutine):
        """Runs it on the one loop: the SDK keeps the connections of its asynchronous client."""
        return self.runner.run(coroutine)

    def as_(self, key):
        return Gateway(api_client=self.client(key), **QUICK)


def cloud(**more):
    return {"platform_url": URL, **more}


def user(**more):
    return {"username": "someone", **more}


PROJECT = {"project_id": "11111111-2222-3333-4444-555555555555"}
SPACE = {"space_id": "11111111-2222-3333-4444-555555555555"}
EXCHANGE = "POST /icp4d-api/v1/authorize 200"
VERSION = "GET /ml/wml_services/v2/version 200"

# All checks go through these.
WHOLE = [
    Setup("hub_api_key", lambda key: user(api_key=key), UNTOLD, [VERSION, EXCHANGE]),
    Setup("hub_token", lambda key: {"token": token(key)}, BY_FILE, [VERSION], PROJECT),
    # A token without a dot goes out as `Authorization: Basic TOKEN`.
    Setup("hub_opaque_token", lambda key: {"token": key}, OFF, [VERSION], SPACE),
    Setup(
        "cloud_api_key",
        lambda key: cloud(api_key=key, auth_url=f"{URL}/identity/token"),
        BY_FILE,
        ["POST /identity/token 200"],
        PROJECT,
    ),
    Setup("cloud_token", lambda key: cloud(token=token(key)), UNTOLD, [], SPACE),
]
# What these add is how they get in.
BRIEF = [
    # Without bedrock_url the SDK makes up a host of it, finds none, and goes on.
    Setup("hub_password", lambda key: user(password=key), BY_FILE, [VERSION, EXCHANGE]),
    Setup(
        "hub_bedrock",
        lambda key: user(password=key, bedrock_url=URL),
        BY_FILE,
        [VERSION, "POST /idprovider/v1/auth/identitytoken 200", "GET /v1/preauth/validateAuth 200"],
    ),
    Setup("cloud_opaque_token", lambda key: cloud(token=key), OFF, []),
]


def check_construction(at):
    """The SDK asks nothing else than this of a gateway before its first call, and no second token after it."""
    with wire.exchanges() as told:
        gateway = Gateway(api_client=at.client())
        gateway.models.get_details()
        at.await_(gateway.embeddings.acreate(model=at.model["alias"], input="Hi"))
    calls = ["GET /ml/gateway/v1/models 200", "POST /ml/gateway/v1/embeddings 200"]
    equal(told, at.asks + calls, "calls of a new client")


def check_credentials(at):
    """Both classes make themselves a client where none is given."""
    made = Credentials(url=URL, verify=at.verify, **at.credentials(KEY))
    uuid = at.model["uuid"]
    equal(Gateway(credentials=made).models.get_details(model_id=uuid), at.model, "model by Gateway")
    model = GatewayInference(credentials=made, verify=at.verify, model=at.model["alias"])
    equal(model.get_details(), at.model, "model by GatewayInference")


def run(checks, at):
    """Runs checks, and prints the name of each that passed; ends this process at the first that did not."""
    for check in checks:
        name = f"{at.name} {check.__name__.removeprefix('check_')}"
        try:
            check(at)
        except Exception as problem:  # any surprise is the gateway's: an answer of an unforeseen shape
            line = problem.__traceback__.tb_next.tb_lineno
            sys.exit(f"FAILED {name} (line {line}): {type(problem).__name__}: {problem}")
        # In one piece: other processes print as well.
        sys.stdout.write(f"ok {name}\n")
        sys.stdout.flush()


def main(judge, setups):
    """Judges each set-up in a copy of this process: what is imported is imported once."""
    processes = [multiprocessing.get_context("fork").Process(target=judge, args=(setup,)) for setup in setups]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    sys.exit(any(process.exitcode for process in processes))
