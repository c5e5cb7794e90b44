"""What is refused: how the SDK tells it, and how often it asks."""

import dataclasses
import os

import wire
from ibm_watsonx_ai.wml_client_error import ApiRequestFailure, InvalidCredentialsError, WMLClientError
from inference import MESSAGES, alias, listed, said
from setups import KEY, QUICK, equal, raises, token

# A user, and a group of it.
USER_KEY, GROUP = os.environ["SLUICEGATE_USER_KEY"], os.environ["SLUICEGATE_GROUP"]


def refused(call, status, code):
    """An answer of this status, with an error object as clients of this API read it."""
    error = raises(ApiRequestFailure, call)
    equal(error.response.status_code, status, f"status of {error}")
    equal(error.response.headers["content-type"], "application/json", "content type")
    body = error.response.json()
    equal(set(body), {"error"}, "members of the body")
    equal(body["error"]["code"], code, "code")
    assert body["error"]["message"] and body["error"]["request_id"], body
    return body["error"]


def asked(call, requests):
    """How many requests the SDK makes of this call."""
    with wire.counted() as count:
        call()
    equal(count.requests, requests, "requests of a call that is refused")


def told_once(at, gateway, status, code, **chat):
    """A chat that is refused, in each way to ask, of which the SDK makes one request."""
    create, acreate = gateway.chat.completions.create, gateway.chat.completions.acreate
    chat, words = {"messages": MESSAGES, **chat}, (f"{status}", code)
    asked(lambda: refused(lambda: create(**chat), status, code), 1)
    asked(lambda: refused(lambda: at.await_(acreate(**chat)), status, code), 1)
    asked(lambda: raises(WMLClientError, lambda: list(create(**chat, stream=True)), *words), 1)
    asked(lambda: raises(WMLClientError, lambda: at.await_(listed(acreate(**chat, stream=True))), *words), 1)


def check_unknown_model_is_told_once(at):
    told_once(at, at.gateway, 404, "model_not_found", model="no-such-model")
    unknown = {"model": "no-such-model"}
    refused(lambda: at.gateway.completions.create(**unknown, prompt="Hi"), 404, "model_not_found")
    raises(WMLClientError, lambda: at.gateway.embeddings.create(**unknown, input="Hi"), "Batch 1 of 1", "model_not_found")
    refused(lambda: at.gateway.models.get_details(model_id="no-such-model"), 404, "model_not_found")


def check_wrong_body_is_told_once(at):
    told_once(at, at.gateway, 400, "invalid_request", model=alias(at), temperature="hot")
    told_once(at, at.gateway, 400, "invalid_request", model=alias(at), messages=[])


def check_wrong_administration_is_told(at):
    gateway, model = at.gateway, at.gateway.models.get_id(at.model)
    providers, limits = gateway.providers, gateway.rate_limits
    for param, call in [
        ("data", lambda: providers.create(provider="openai", name="x")),
        ("data.apikey", lambda: providers.create(provider="openai", name="x", data={})),
        ("data.regoin", lambda: providers.create(provider="openai", name="x", data={"apikey": "y" * 20, "regoin": "eu"})),
        ("name", lambda: providers.create(provider="openai", name=" x", data={"apikey": "y" * 20})),
        ("type", lambda: providers.create(provider="nope", name="x", data={})),
        ("data_reference.resource", lambda: providers.create(provider="openai", name="x", secret_crn_id="crn:v1:bluemix:public")),
        ("action", lambda: gateway.policies.create("use", f"model:{model}", "group")),
        ("effect", lambda: gateway.policies.create("read", f"model:{model}", "group", effect="perhaps")),
        ("resource", lambda: gateway.policies.create("read", "model", "group")),
        ("request.duration", lambda: limits.create_for_tenant(request={"amount": 1, "capacity": 1, "duration": "1 minute"})),
    ]:
        error = refused(call, 400, "invalid_request")
        equal(error["param"], param, f"param of {error}")
    nobody = "11111111-2222-3333-4444-555555555555"
    for call in [
        lambda: providers.get_details(nobody),
        lambda: providers.get_available_models_details(nobody),
        lambda: gateway.models.get_details(provider_id=nobody),
        lambda: gateway.models.create(nobody, "demo"),
        lambda: limits.get_details(rate_limit_id=nobody),
        lambda: limits.update_for_tenant(nobody, request={"amount": 1, "capacity": 1, "duration": "1m"}),
    ]:
        equal(raises(ApiRequestFailure, call).response.status_code, 404, "status")


def check_user_may_not_administer(at):
    user = at.as_(USER_KEY)
    equal(said(user.chat.completions.create(model=alias(at), messages=MESSAGES)) != "", True, "a user may call")
    asked(lambda: refused(lambda: user.providers.create(provider="demo", name="x", data={}), 403, "authorization_rejected"), 1)
    raises(WMLClientError, lambda: user.models.delete(at.model["uuid"]), "authorization_rejected")


def check_denied_model_is_hidden_and_refused_once(at):
    user, uuid = at.as_(USER_KEY), at.model["uuid"]

    def seen():
        return uuid in [model["uuid"] for model in user.models.get_details()["data"]]

    assert seen(), "the model is not in the user's list"
    # To deny the user's group, and to allow another one alone.
    for effect, subject in [("deny", GROUP), ("allow", "AccessGroupId-of-others")]:
        policy = at.gateway.policies.create("read", f"model:{uuid}", subject, effect=effect)
        told_once(at, user, 403, "authorization_rejected", model=alias(at))
        assert not seen(), f"a model that {effect} {subject} closes is in the list"
        said(at.gateway.chat.completions.create(model=alias(at), messages=MESSAGES))
        at.gateway.policies.delete(policy["uuid"])
        said(user.chat.completions.create(model=alias(at), messages=MESSAGES))
    assert seen(), "the model is not in the list again"


def check_failure_of_the_provider_is_told(at):
    # The provider refused the gateway's own credential: 401 is left to the caller's, which the SDK would send again.
    answers = {400: (400, "provider_rejected"), 401: (424, "provider_auth_failed"), 404: (404, "model_not_found")}
    with at.upstream_model(*(f"fails-{status}" for status in answers)) as models:
        for model, answer in zip(models, answers.values(), strict=True):
            told_once(at, at.gateway, *answer, model=model)


def check_full_provider_is_asked_again(at):
    create, acreate = at.gateway.chat.completions.create, at.gateway.chat.completions.acreate
    with at.upstream_model("fails-429") as model:
        full = {"model": model, "messages": MESSAGES}
        asked(lambda: refused(lambda: create(**full), 429, "rate_limit_exceeded"), 1 + QUICK["max_retries"])
        asked(lambda: raises(WMLClientError, lambda: list(create(**full, stream=True)), "429"), 1)
        asked(lambda: raises(WMLClientError, lambda: at.await_(listed(acreate(**full, stream=True))), "429"), 1)
        # A defect of the SDK: asynchronously, it falls over the first answer when it wants to ask again.
        asked(lambda: raises(RuntimeError, lambda: at.await_(acreate(**full)), "sync close on an async stream"), 1)


def check_end_of_a_broken_stream_is_an_ordinary_chunk_by_a_defect_of_the_sdk(at):
    """The gateway says that it broke, and leaves out the `[DONE]`; the SDK hands that out like any other chunk, and ends."""
    chat = at.gateway.chat.completions
    with at.upstream_model("breaks-off") as model:
        streams = list(chat.create(model, MESSAGES, stream=True)), at.await_(listed(chat.acreate(model, MESSAGES, stream=True)))
    for *told, last in streams:
        assert told and not any(choice["finish_reason"] for chunk in told for choice in chunk["choices"]), told
        equal(last["error"]["code"], "stream_truncated", "code of the last chunk")


WRONG_KEY = "wrong-key-0123456789"


def check_wrong_key_is_exchanged_for_no_token(at):
    raises(InvalidCredentialsError, lambda: at.client(WRONG_KEY))


def check_wrong_token_is_refused(at):
    """The SDK asks four times, whatever the answer says: 401 is among what its transport repeats."""
    made_up = token(KEY).rsplit(".", 1)[0] + ".bWFkZSB1cA"
    for wrong in (WRONG_KEY, made_up):
        stranger = dataclasses.replace(at, credentials=lambda key: {"token": key}).as_(wrong)
        asked(lambda: refused(stranger.models.get_details, 401, "invalid_api_key"), 4)


CHECKS = [
    check_unknown_model_is_told_once, check_wrong_body_is_told_once, check_wrong_administration_is_told,
    check_user_may_not_administer, check_denied_model_is_hidden_and_refused_once, check_failure_of_the_provider_is_told,
    check_full_provider_is_asked_again,
    check_end_of_a_broken_stream_is_an_ordinary_chunk_by_a_defect_of_the_sdk,
]
# Few, as the gateway slows down who tries many wrong keys; that is judged elsewhere.
OF_SETUP = {
    "hub_api_key": [check_wrong_key_is_exchanged_for_no_token],
    "hub_bedrock": [check_wrong_key_is_exchanged_for_no_token],
    "cloud_api_key": [check_wrong_key_is_exchanged_for_no_token],
    "hub_token": [check_wrong_token_is_refused],
}
