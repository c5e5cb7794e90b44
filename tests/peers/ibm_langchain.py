"""The unmodified langchain-ibm judges the gateway; `model=` is what makes it call one. Reads SLUICEGATE_URL, which is https,
SLUICEGATE_KEY, and SLUICEGATE_CERTIFICATE: the certificate of the gateway, or of who signed it.

Prints `ok SETUP NAME` for each check; a way in (ibm/setups.py) ends at the first that fails.
"""

import logging
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parent / "ibm"))

import setups
from ibm_watsonx_ai.wml_client_error import ApiRequestFailure, WMLClientError
from langchain_core.messages import AIMessage, HumanMessage, SystemMessage, ToolMessage
from langchain_ibm import ChatWatsonx, WatsonxEmbeddings, WatsonxLLM
from pydantic import BaseModel
from setups import CERTIFICATE, KEY, URL, equal, raises

# It asks whether the model is registered; so do the checks.
logging.getLogger("langchain_ibm").setLevel(logging.CRITICAL)

MESSAGES = [SystemMessage("Be brief."), HumanMessage("What is a sluice? \u6c34 \U0001f30a")]
PROMPT = "A sluice is"
FIXED = {"temperature": 0, "seed": 1}


class Weather(BaseModel):
    """The weather of a place."""

    city: str
    days: int


def made(at, kind, **more):
    """A model of this class. Only a client of the SDK's own can be told that this is IBM Cloud."""
    more = {"model": at.model["alias"], **more}
    if at.name.startswith("cloud"):
        return kind(watsonx_client=at.api_client, **more)
    return kind(url=URL, verify=CERTIFICATE, **at.credentials(KEY), **more)


async def listed(stream):
    return [chunk async for chunk in stream]


def joined(chunks):
    whole = chunks[0]
    for chunk in chunks[1:]:
        whole += chunk
    return whole


def check_chat(at):
    chat = made(at, ChatWatsonx, **FIXED)
    answer = chat.invoke(MESSAGES)
    assert isinstance(answer, AIMessage) and answer.content, answer
    equal(answer.response_metadata["finish_reason"], "stop", "finish reason")
    usage = answer.usage_metadata
    assert usage["input_tokens"] > 0 and usage["output_tokens"] > 0, usage
    equal(usage["total_tokens"], usage["input_tokens"] + usage["output_tokens"], "total tokens")
    equal(at.await_(chat.ainvoke(MESSAGES)).content, answer.content, "ainvoke")
    for chunks in (list(chat.stream(MESSAGES)), at.await_(listed(chat.astream(MESSAGES)))):
        assert len(chunks) > 2, f"the stream came in {len(chunks)} pieces"
        equal(joined(chunks).content, answer.content, "streamed text")
        equal(joined(chunks).response_metadata["finish_reason"], "stop", "finish reason of the stream")
    equal(made(at, ChatWatsonx, streaming=True, **FIXED).invoke(MESSAGES).content, answer.content, "invoke by a stream")


def check_batch(at):
    chat = made(at, ChatWatsonx, **FIXED)
    questions = [[HumanMessage(f"Say {word}.")] for word in ("one", "two", "three")]
    alone = [chat.invoke(question).content for question in questions]
    equal([answer.content for answer in chat.batch(questions)], alone, "batch")
    equal([answer.content for answer in at.await_(chat.abatch(questions))], alone, "abatch")


def check_tools(at):
    chat = made(at, ChatWatsonx, **FIXED).bind_tools([Weather], tool_choice="Weather")
    answer = chat.invoke(MESSAGES)
    [call] = answer.tool_calls
    equal((call["name"], set(call["args"])), ("Weather", {"city", "days"}), "called tool")
    for chunks in (list(chat.stream(MESSAGES)), at.await_(listed(chat.astream(MESSAGES)))):
        [streamed] = joined(chunks).tool_calls
        equal((streamed["name"], streamed["args"]), (call["name"], call["args"]), "streamed tool call")
    result = [answer, ToolMessage("Rain.", tool_call_id=call["id"])]
    assert made(at, ChatWatsonx, **FIXED).invoke(MESSAGES + result).content, "no answer after a tool result"


def check_structured_output(at):
    chat = made(at, ChatWatsonx, **FIXED)
    for method in ("function_calling", "json_schema"):
        structured = chat.with_structured_output(Weather, method=method)
        value = structured.invoke(MESSAGES)
        assert isinstance(value, Weather), f"{method} gave {value!r}"
        equal(at.await_(structured.ainvoke(MESSAGES)), value, f"{method} asynchronously")
    raw = chat.with_structured_output(None, method="json_mode", include_raw=True).invoke(MESSAGES)
    assert raw["parsing_error"] is None and isinstance(raw["parsed"], dict), raw


def check_completions(at):
    model = made(at, WatsonxLLM)
    text = model.invoke(PROMPT)
    assert text, "the answer is empty"
    equal(at.await_(model.ainvoke(PROMPT)), text, "ainvoke")
    # It always sends a list of prompts.
    several = model.generate([PROMPT, "Another"])
    equal(several.generations[0][0].text, text, "text of the first of two prompts")
    equal(len(several.generations), 2, "answers to two prompts")
    assert several.llm_output["token_usage"] > 0, several.llm_output
    equal(model.batch([PROMPT, "Another"])[0], text, "batch")


def check_streamed_completions_are_empty_by_a_defect_of_langchain(at):
    """It looks in the chunks for what IBM's other interface has there, and passes over what a gateway sends."""
    model = made(at, WatsonxLLM)
    for chunks in (list(model.stream(PROMPT)), at.await_(listed(model.astream(PROMPT)))):
        assert len(chunks) > 2, f"the stream came in {len(chunks)} pieces"
        equal("".join(chunks), "", "streamed text")


def check_embeddings(at):
    model = made(at, WatsonxEmbeddings)
    vectors = model.embed_documents(["water", "gate"])
    assert len(vectors) == 2 and vectors[0] != vectors[1] and any(vectors[0]), vectors
    equal(model.embed_query("gate"), vectors[1], "embed_query")
    equal(at.await_(model.aembed_documents(["water", "gate"])), vectors, "aembed_documents")
    equal(at.await_(model.aembed_query("gate")), vectors[1], "aembed_query")


def check_unknown_model(at):
    chat, embeddings = made(at, ChatWatsonx, model="no-such-model"), made(at, WatsonxEmbeddings, model="no-such-model")
    raises(ApiRequestFailure, lambda: chat.invoke(MESSAGES), "404", "model_not_found")
    raises(ApiRequestFailure, lambda: at.await_(chat.ainvoke(MESSAGES)), "404", "model_not_found")
    raises(WMLClientError, lambda: list(chat.stream(MESSAGES)), "404", "model_not_found")
    raises(WMLClientError, lambda: embeddings.embed_query("gate"), "model_not_found")


def check_of_a_stream_that_breaks_the_error_is_lost_by_a_defect_of_langchain(at):
    """All that is left of it is that no chunk tells why the answer ended."""
    with at.upstream_model("breaks-off") as model:
        chat = made(at, ChatWatsonx, model=model)
        for chunks in (list(chat.stream(MESSAGES)), at.await_(listed(chat.astream(MESSAGES)))):
            equal(joined(chunks).content, "Hello", "streamed text")
            assert not joined(chunks).response_metadata.get("finish_reason"), joined(chunks)


def check_stop_goes_by_a_name_of_another_interface_by_a_defect_of_langchain(at):
    """A gateway knows `stop`; this one hands on what it does not know, so that the provider decides."""
    with at.upstream_model("tiny") as model:
        for kind in (ChatWatsonx, WatsonxLLM):
            made(at, kind, model=model).invoke(PROMPT, stop=["."])
            asked = at.upstream.asked[-1]
            equal((asked.get("stop_sequences"), asked.get("stop")), (["."], None), "what the provider was asked")


CHECKS = [
    check_chat, check_batch, check_tools, check_structured_output, check_completions,
    check_streamed_completions_are_empty_by_a_defect_of_langchain, check_embeddings, check_unknown_model,
    check_of_a_stream_that_breaks_the_error_is_lost_by_a_defect_of_langchain,
    check_stop_goes_by_a_name_of_another_interface_by_a_defect_of_langchain,
]
WAYS = ("hub_api_key", "hub_password", "hub_token", "cloud_api_key")


def judge(setup):
    with setup.opened() as at:
        setups.run(CHECKS, at)


if __name__ == "__main__":
    setups.main(judge, [setup for setup in setups.WHOLE + setups.BRIEF if setup.name in WAYS])
