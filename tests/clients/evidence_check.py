"""What stock tools say of what people signed, and of inventories.

    evidence_check.py seal ENVELOPE THRESHOLD SCHEMA KEYID=PEM...
    evidence_check.py cyclonedx FILE

`seal`: securesystemslib verifies a DSSE envelope by so many of the keys, in-toto's own parser reads the
statement, and the JSON Schema of the predicate holds. `cyclonedx`: the official schema of CycloneDX 1.6 holds.
Prints "ok", or exits with 1 and the reason.
"""

import json
import sys
from importlib import resources

import google.protobuf.json_format as pb_json
import in_toto_attestation.v1.statement_pb2 as spb
import jsonschema
import referencing
from cryptography.hazmat.primitives.serialization import load_pem_public_key
from in_toto_attestation.v1.statement import Statement
from securesystemslib.dsse import Envelope
from securesystemslib.signer import SSlibKey


def seal(envelope, threshold, schema, *keys):
    with open(envelope, encoding="utf-8") as file:
        envelope = Envelope.from_dict(json.load(file))
    assert envelope.payload_type == "application/vnd.in-toto+json", envelope.payload_type
    known = []
    for key in keys:
        keyid, path = key.split("=", 1)
        with open(path, "rb") as file:
            known.append(SSlibKey.from_crypto(load_pem_public_key(file.read()), keyid=keyid))
    accepted = envelope.verify(known, int(threshold))
    assert len(accepted) == int(threshold), accepted
    statement = Statement.copy_from_pb(pb_json.Parse(envelope.payload, spb.Statement()))
    statement.validate()
    with open(schema, encoding="utf-8") as file:
        schema = json.load(file)
    jsonschema.validate(json.loads(envelope.payload)["predicate"], schema)


def cyclonedx(path):
    folder = resources.files("cyclonedx.schema") / "_res"

    def load(name):
        return json.loads((folder / f"{name}.SNAPSHOT.schema.json").read_text(encoding="utf-8"))

    bom = load("bom-1.6")
    registry = referencing.Registry()
    for name, uri in [("spdx", "spdx.schema.json"), ("jsf-0.82", "jsf-0.82.schema.json")]:
        resource = referencing.Resource.from_contents(load(name))
        for place in [uri, f"http://cyclonedx.org/schema/{uri}", f"{name}.SNAPSHOT.schema.json",
                      f"http://cyclonedx.org/schema/{name}.SNAPSHOT.schema.json"]:
            registry = registry.with_resource(place, resource)
    with open(path, encoding="utf-8") as file:
        document = json.load(file)
    assert document["specVersion"] == "1.6", document["specVersion"]
    jsonschema.Draft7Validator(bom, registry=registry).validate(document)


if __name__ == "__main__":
    try:
        {"seal": seal, "cyclonedx": cyclonedx}[sys.argv[1]](*sys.argv[2:])
    except Exception as error:  # whatever it is: it is what the tool says
        print(f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''}")
        sys.exit(1)
    print("ok")
