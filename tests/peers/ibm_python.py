"""The unmodified ibm-watsonx-ai judges the gateway. Reads SLUICEGATE_URL, which is https, SLUICEGATE_KEY,
SLUICEGATE_USER_KEY (a user's, of the group SLUICEGATE_GROUP), and SLUICEGATE_CERTIFICATE: a file with the certificate of
the gateway, or of who signed it.

Every way in (ibm/setups.py) has a process of its own, as the SDK keeps in its process what it found out about
certificates. Prints `ok SETUP NAME` for each check; a way ends at the first that fails.
"""

import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parent / "ibm"))

import administration
import certificate
import cover
import inference
import refusals
import setups
from ibm_watsonx_ai.gateway.gateway_inference import GatewayInference


def check_every_method_was_run(at):
    there = cover.methods(at.gateway, GatewayInference(model="demo", api_client=at.api_client))
    setups.equal([name for name, code in there.items() if code not in at.ran], [], "methods that no check ran")
    assert len(there) > 40, f"only {len(there)} methods were found: {list(there)}"


WHOLE = [*administration.CHECKS, *inference.CHECKS, *refusals.CHECKS]
BRIEF = [inference.check_chat, refusals.check_denied_model_is_hidden_and_refused_once]


def judge(setup):
    is_whole = setup in setups.WHOLE
    with setup.opened() as at:
        with cover.run_code() as at.ran:
            setups.run([setups.check_construction, setups.check_credentials, *certificate.checks(at)], at)
            setups.run(WHOLE if is_whole else BRIEF, at)
            setups.run(refusals.OF_SETUP.get(at.name, []), at)
        setups.run([check_every_method_was_run] if is_whole else [], at)


if __name__ == "__main__":
    setups.main(judge, setups.WHOLE + setups.BRIEF)
