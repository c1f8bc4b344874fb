"""Sign what a request asks for with securesystemslib's HSM signer, and judge what others signed, with python-tuf.

    tuf_sign.py sign REQUEST OUT_DIR KEYOWNER ID LABEL PIN
        writes OUT_DIR/ROLE.json for each document of the request, signed by the key with
        this CKA_ID (hex) on the token with this label; PYKCS11LIB names the module
    tuf_sign.py sign-file REQUEST OUT_DIR PRIVATE_KEY
        the same with a key in a PEM file, as a signer in a cloud has its own
    tuf_sign.py judge REQUEST RESPONSE
        puts the response's signatures into the request's documents, and verifies each with
        the key that the document, or the published root, has under its id

Exit code: 0 accepted, 1 refused (one line says why), 2 it came to no judgement.
"""

import json
import sys
from pathlib import Path

from cryptography.hazmat.primitives import serialization
from securesystemslib.exceptions import UnverifiedSignatureError
from securesystemslib.signer import CryptoSigner, Signature, Signer
from tuf.api.metadata import Metadata


def documents(request):
    """The documents as python-tuf has them, without signatures, each with the keys that may sign it."""
    published = Metadata.from_dict(request["published"]["metadata"]["root"])
    newest = published
    for document in request["documents"]:
        metadata = Metadata.from_dict({"signatures": [], "signed": document["signed"]})
        if document["role"] == "root":
            newest = metadata
        yield document, metadata, {**published.signed.keys, **newest.signed.keys}


def sign(request, out, owner, key_id, label, pin):
    uri = f"hsm:{int(key_id, 16)}?label={label}"
    for document, metadata, keys in documents(request):
        [key] = [key for key in keys.values() if key.unrecognized_fields.get("x-tuf-on-ci-keyowner") == owner]
        metadata.sign(Signer.from_priv_key_uri(uri, key, lambda _: pin))
        metadata.to_file(str(Path(out) / f"{document['role']}.json"))


def sign_file(request, out, private):
    private = serialization.load_pem_private_key(Path(private).read_bytes(), None)
    signer = CryptoSigner(private)
    for document, metadata, keys in documents(request):
        public = signer.public_key.keyval["public"]
        [key] = [key for key in keys.values() if key.keyval["public"].strip() == public.strip()]
        metadata.sign(CryptoSigner(private, key))
        metadata.to_file(str(Path(out) / f"{document['role']}.json"))


def judge(request, response):
    signatures = {made["role"]: made for made in response["signatures"]}
    for document, metadata, keys in documents(request):
        made = signatures[document["role"]]
        signature = Signature(made["keyid"], made["sig"])
        metadata.signatures[signature.keyid] = signature
        try:
            keys[signature.keyid].verify_signature(signature, metadata.signed_bytes)
        except UnverifiedSignatureError as error:
            print(error)
            return 1
    return 0


def read(path):
    return json.loads(Path(path).read_text())


def main(verb, request, *rest):
    if verb == "judge":
        return judge(read(request), read(*rest))
    (sign_file if verb == "sign-file" else sign)(read(request), *rest)
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
