"""How the SDK takes a certificate that the system does not know."""

import dataclasses
import ssl

import httpx

from ibm_watsonx_ai.gateway import Gateway
from setups import CERTIFICATE, UNTOLD, URL, equal, raises


def check_certificate(at):
    """A client whose own certificates are the system's refuses; one that knows this one is content, also as strictly as
    Python judges from 3.13 on. The SDK does as it was told, with one exception."""
    raises(httpx.ConnectError, lambda: httpx.get(f"{URL}/healthz"), "CERTIFICATE_VERIFY_FAILED")
    strict = ssl.create_default_context(cafile=CERTIFICATE)
    strict.verify_flags |= ssl.VERIFY_X509_STRICT
    equal(httpx.get(f"{URL}/healthz", verify=strict).status_code, 200, "status")
    if at.verify == CERTIFICATE:
        raises(OSError, lambda: dataclasses.replace(at, verify=True).client(), "cannot be verified")


def check_unknown_certificate_is_taken_without_a_word_by_a_defect_of_the_sdk(at):
    """Told nothing about certificates, the SDK verifies, fails, and sends its secrets all the same."""
    assert Gateway(api_client=at.client()).models.get_details()["data"], "no answer"


def checks(setup):
    if setup.verify is UNTOLD:
        return [check_certificate, check_unknown_certificate_is_taken_without_a_word_by_a_defect_of_the_sdk]
    return [check_certificate]
