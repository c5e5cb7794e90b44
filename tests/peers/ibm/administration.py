"""Every method of the SDK's providers, models, policies and rate limits."""

import datetime

from ibm_watsonx_ai.gateway import GatewayModelFunctions
from ibm_watsonx_ai.gateway.utils import get_max_input_tokens
from ibm_watsonx_ai.wml_client_error import WMLClientError
from setups import equal, raises

OTHER = {"amount": 200_000, "capacity": 2_000_000, "duration": "1h30m"}


def row(table, uuid):
    """The one row of this id, without it."""
    found = [list(values[1:]) for values in table.values.tolist() if values[0] == uuid]
    equal(len(found), 1, f"rows of {uuid} in {table.to_dict('records')}")
    return found[0]


def one(details, uuid):
    equal(details["object"], "list", "object")
    found = [item for item in details["data"] if item["uuid"] == uuid]
    equal(len(found), 1, f"items of {uuid}")
    return found[0]


def check_providers(at):
    providers = at.gateway.providers
    data = {"apikey": "upstream-secret-0123456789", "base_url": at.upstream.base_url}
    name = f"{at.own} (custom) [1]"
    made = providers.create(provider="openai", name=name, data=data)
    uuid = providers.get_id(made)
    equal(made, {"uuid": uuid, "name": name, "type": "openai"}, "created provider")
    read = providers.get_details(uuid)
    equal((read["uuid"], read["name"], read["type"], read["models"]), (uuid, name, "openai", []), "read provider")
    assert "upstream-secret" not in str(read), f"a read tells the secret: {read}"
    equal(one(providers.get_details(), uuid), read, "the provider in the list")
    equal(row(providers.list(), uuid), [name, "openai"], "row of the provider")
    available = providers.get_available_models_details(uuid)
    equal([(model["id"], model["owned_by"]) for model in available["data"]], [("tiny", "maker")], "available models")
    equal(providers.list_available_models(uuid).values.tolist(), [["tiny", "maker"]], "table of available models")
    equal(providers.delete(uuid), "SUCCESS", "delete")
    raises(WMLClientError, lambda: providers.delete(uuid), "provider deletion failed", "not_found")


def check_repeated_create(at):
    """A create that the SDK repeats after a lost answer makes nothing twice."""

    def twice(create):
        first, second = create(), create()
        equal(second, first, "the second answer")
        return first["uuid"]

    gateway, name = at.gateway, f"{at.own} repeated"
    data = {"apikey": "upstream-secret-0123456789", "base_url": at.upstream.base_url}
    provider = twice(lambda: gateway.providers.create(provider="openai", name=name, data=data))
    model = twice(lambda: gateway.models.create(provider, "tiny", alias=f"{at.own}/repeated"))
    policy = twice(lambda: gateway.policies.create("read", f"model:{model}", "AccessGroupId-repeated", "allow"))
    limit = twice(lambda: gateway.rate_limits.create_for_model(model, request=OTHER))
    # What names the provider's models goes with it.
    gateway.providers.delete(provider)
    for resource, uuid in [(gateway.models, model), (gateway.policies, policy), (gateway.rate_limits, limit)]:
        assert uuid not in [item["uuid"] for item in resource.get_details()["data"]], f"{uuid} is still there"


def check_models(at):
    models = at.gateway.models
    provider = at.gateway.providers.get_id(at.gateway.providers.create(provider="demo", name=at.own, data={}))
    metadata = {
        "context_window": 8192,
        "functions": [GatewayModelFunctions.AUTOAI_RAG, GatewayModelFunctions.TEXT_CHAT],
        "cost": 0.25,
        "own": {"big": 9007199254740993, "list": [1.5, None, True]},
    }
    alias = f"{at.own}/with-slash"
    made = models.create(provider, "demo", alias=alias, metadata=metadata)
    uuid = models.get_id(made)
    equal((made["id"], made["alias"], made["object"]), (alias, alias, "model"), "created model")
    equal((made["metadata"], made["owned_by"]), (metadata, f"demo:{at.own}"), "created model")
    plain = models.create(provider, "demo")
    assert "metadata" not in plain and "alias" not in plain, f"a member that is not set stands there: {plain}"
    # By its alias as well, a slash in the path included.
    for model_id in (uuid, alias):
        equal(models.get_details(model_id=model_id), made, f"read by {model_id}")
    equal(one(models.get_details(), uuid), made, "the model in the list of all")
    of_provider = models.get_details(provider_id=provider)
    equal(len(of_provider["data"]), 2, "models of the provider")
    equal(one(of_provider, uuid), made, "the model in the list of its provider")
    created = datetime.datetime.fromtimestamp(made["created"])
    shown = [alias, created, f"demo:{at.own}", ["autoai_rag", "text_chat"]]
    equal(row(models.list(), uuid), shown, "row of the model")
    shown = ["demo", created.fromtimestamp(plain["created"]), f"demo:{at.own}", []]
    equal(row(models.list(provider), models.get_id(plain)), shown, "row of a model without metadata")
    equal(get_max_input_tokens(at.gateway, uuid, 192), 8000, "tokens beside the answer")
    equal(models.delete(alias), "SUCCESS", "delete by alias")
    equal(models.delete(models.get_id(plain)), "SUCCESS", "delete")
    raises(WMLClientError, lambda: models.delete(uuid), "model deletion failed", "model_not_found")
    at.gateway.providers.delete(provider)


def check_policies(at):
    policies, model = at.gateway.policies, at.gateway.models.get_id(at.model)
    # Not the group of anybody: what others check stays open. The effect is left out, and is to allow.
    for action, effect in [("write", None), ("write", "deny"), ("read", "deny")]:
        wanted = {"action": action, "resource": f"model:{model}", "subject": f"AccessGroupId-{at.own}"}
        made = policies.create(**wanted, effect=effect)
        uuid = policies.get_id(made)
        wanted = {"uuid": uuid, **wanted, "effect": effect or "allow"}
        equal({name: made[name] for name in wanted}, wanted, "created policy")
        equal(one(policies.get_details(), uuid), made, "the policy in the list")
        shown = [wanted[name] for name in ("resource", "action", "subject", "effect")]
        equal(row(policies.list(), uuid), shown, "row of the policy")
        equal(policies.delete(uuid), "SUCCESS", "delete")
        raises(WMLClientError, lambda: policies.delete(uuid), "policy deletion failed", "not_found")


def check_rate_limits(at):
    limits = at.gateway.rate_limits
    # A rate limit has no name: what two clients ask alike within seconds is one, as a repeated create is.
    bucket = {"amount": at.number, "capacity": 1_000_000, "duration": "1m"}
    model = at.gateway.models.get_id(at.model)
    for kind, about in [("tenant", {}), ("provider", {"provider_id": at.provider}), ("model", {"model_id": model})]:
        create, update = getattr(limits, f"create_for_{kind}"), getattr(limits, f"update_for_{kind}")
        named = {name.replace("_id", "_uuid"): value for name, value in about.items()}
        made = create(**about, request=bucket)
        uuid = limits.get_id(made)
        # `request` and `token` are there or not, never null: the SDK's table asks whether they are.
        wanted = {"uuid": uuid, "type": kind, **named, "request": bucket}
        equal(made, wanted, "created rate limit")
        equal(limits.get_details(rate_limit_id=uuid), made, "read rate limit")
        equal(one(limits.get_details(), uuid), made, "the rate limit in the list")
        equal(row(limits.list(), uuid), [kind, True, False], "row of the rate limit")
        both = update(uuid, **about, request=OTHER, token=bucket)
        equal(both, {**wanted, "request": OTHER, "token": bucket}, "updated rate limit")
        tokens = update(uuid, **about, token=OTHER)
        equal(tokens, {"uuid": uuid, "type": kind, **named, "token": OTHER}, "an update replaces all")
        equal(row(limits.list(), uuid), [kind, False, True], "row of the updated rate limit")
        equal(limits.delete(uuid), "SUCCESS", "delete")
        raises(WMLClientError, lambda: limits.delete(uuid), "failed", "not_found")


CHECKS = [check_providers, check_repeated_create, check_models, check_policies, check_rate_limits]
