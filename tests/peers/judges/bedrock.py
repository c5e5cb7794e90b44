"""botocore judges what the adapter asks of Bedrock: its model of the service, with every list of words, pattern and range,
then its own serializer, which must come to the same path and body."""

import base64
import json
import re
import urllib.parse

import botocore.loaders
import botocore.model
import botocore.serialize
import botocore.validate
from golden import judge

PATH = re.compile("/model/([^/]+)/(converse|converse-stream|invoke)")
OPERATIONS = {"converse": "Converse", "converse-stream": "ConverseStream", "invoke": "InvokeModel"}

description = botocore.loaders.Loader().load_service_model("bedrock-runtime", "service-2")
service = botocore.model.ServiceModel(description, "bedrock-runtime")
serializer = botocore.serialize.create_serializer("rest-json")


def typed(shape, value):
    """The value as botocore takes it: what is base64 in JSON is bytes there."""
    if shape.type_name == "structure" and not getattr(shape, "is_document_type", False) and isinstance(value, dict):
        return {name: typed(shape.members[name], one) if name in shape.members else one for name, one in value.items()}
    if shape.type_name == "list" and isinstance(value, list):
        return [typed(shape.member, one) for one in value]
    if shape.type_name == "blob":
        return base64.b64decode(value, validate=True)
    return value


def check_limits(shape, value, place):
    """What botocore leaves to the service: words, patterns, upper limits, and one member of a union."""
    limits = shape.metadata
    if shape.type_name == "structure" and not getattr(shape, "is_document_type", False):
        if getattr(shape, "is_tagged_union", False) and len(value) != 1:
            raise ValueError(f"{place} has the members {sorted(value)} of a union")
        for name, one in value.items():
            check_limits(shape.members[name], one, f"{place}.{name}")
    elif shape.type_name == "list":
        for index, one in enumerate(value):
            check_limits(shape.member, one, f"{place}[{index}]")
    elif shape.type_name == "string":
        if limits.get("enum") and value not in limits["enum"]:
            raise ValueError(f"{place} is {value}, not one of {limits['enum']}")
        if limits.get("pattern") and not re.fullmatch(limits["pattern"], value):
            raise ValueError(f"{place} is {value}, not like {limits['pattern']}")
    size = value if isinstance(value, (int, float)) else len(value) if isinstance(value, (str, list)) else None
    if "max" in limits and size is not None and size > limits["max"]:
        raise ValueError(f"{place} is {size}, more than {limits['max']}")


def check(request):
    model, operation = PATH.fullmatch(request["path"]).groups()
    operation = service.operation_model(OPERATIONS[operation])
    shape = operation.input_shape
    if operation.name == "InvokeModel":
        # Bodies are the models' own; botocore has no types for them.
        parameters = {"body": json.dumps(request["body"]).encode()}
    else:
        parameters = typed(shape, request["body"])
    parameters["modelId"] = urllib.parse.unquote(model)
    report = botocore.validate.ParamValidator().validate(parameters, shape)
    if report.has_errors():
        raise ValueError(report.generate_report())
    check_limits(shape, parameters, operation.name)
    made = serializer.serialize_to_request(parameters, operation)
    if (made["method"], made["url_path"]) != (request["method"], request["path"]):
        raise ValueError(f"botocore would ask {made['method']} {made['url_path']}")
    if json.loads(made["body"]) != request["body"]:
        raise ValueError(f"botocore would send {made['body']}")


judge(check)
