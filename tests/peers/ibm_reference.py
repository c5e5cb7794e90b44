"""The unmodified ibm-watsonx-ai registers a provider by the CRN of its secret, and calls it. Reads what ibm_python.py reads,
and SLUICEGATE_CRN: the CRN of a secret that holds every argument of a provider of the type openai, which the gateway may
read. Its upstream says SLUICEGATE_TEXT.

Prints `ok SETUP NAME` for each check; a way in (ibm/setups.py) ends at the first that fails.
"""

import os
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parent / "ibm"))

import setups
from setups import equal

CRN, TEXT = os.environ["SLUICEGATE_CRN"], os.environ["SLUICEGATE_TEXT"]


def check_provider_by_crn(at):
    providers, models = at.gateway.providers, at.gateway.models
    uuid = providers.get_id(providers.create(provider="openai", name=f"{at.own} by crn", secret_crn_id=CRN))
    read = providers.get_details(uuid)
    equal(read["data_reference"], {"resource": CRN}, "the reference")
    equal(list(read["data"]), ["base_url"], "what is taken over")
    alias = models.create(uuid, "upstream-model", alias=f"{at.own}/by-crn")["alias"]
    answer = at.gateway.chat.completions.create(model=alias, messages=[{"role": "user", "content": "Hi"}])
    equal(answer["choices"][0]["message"]["content"], TEXT, "the answer")
    equal(providers.delete(uuid), "SUCCESS", "delete")


def judge(setup):
    with setup.opened() as at:
        setups.run([check_provider_by_crn], at)


if __name__ == "__main__":
    setups.main(judge, setups.WHOLE)
