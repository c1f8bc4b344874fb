"""Verify bundles with sigstore-python, offline.

    sigstore_verify.py BUNDLE...

Beside each bundle stand `artifact`, `trusted_root.json`, `client_trust_config.json` and
`identity.json`, as `rootwright prove` writes them. A bundle is verified with the trusted root, and
where there is a client trust config, with that one too: both must come to the same judgement.

One line of JSON for each bundle: {"accepted": true}, or {"accepted": false, "why": ...} in the
client's words. Exit code: 0 all were judged, 2 the client came to no judgement (usage, unreadable
file, a crash).
"""

import json
import sys
from pathlib import Path

from sigstore.errors import Error
from sigstore.models import Bundle, ClientTrustConfig, TrustedRoot
from sigstore.verify import Verifier
from sigstore.verify.policy import Identity


def verify(bundle: Path, verifier: Verifier) -> None:
    identity = json.loads(bundle.with_name("identity.json").read_bytes())
    verifier.verify_artifact(
        bundle.with_name("artifact").read_bytes(),
        Bundle.from_json(bundle.read_bytes()),
        Identity(identity=identity["identity"], issuer=identity["issuer"]),
    )


def with_trusted_root(bundle: Path) -> None:
    root = TrustedRoot.from_file(str(bundle.with_name("trusted_root.json")))
    verify(bundle, Verifier(trusted_root=root))


def with_trust_config(bundle: Path) -> None:
    config = bundle.with_name("client_trust_config.json").read_text()
    verify(bundle, Verifier(trusted_root=ClientTrustConfig.from_json(config).trusted_root))


def judge(bundle: Path, how) -> dict:
    try:
        how(bundle)
    # ValueErrors are pydantic's and the certificate parser's: files that can't be taken in.
    except (Error, ValueError) as error:
        return {"accepted": False, "why": f"{type(error).__name__}: {' '.join(str(error).split())}"}
    return {"accepted": True}


def main(bundles: list[str]) -> int:
    if not bundles:
        print(__doc__, file=sys.stderr)
        return 2
    for bundle in map(Path, bundles):
        verdict = judge(bundle, with_trusted_root)
        if bundle.with_name("client_trust_config.json").exists():
            other = judge(bundle, with_trust_config)
            if other["accepted"] != verdict["accepted"]:
                print(f"{bundle}: {verdict} with the trusted root, {other} with the config", file=sys.stderr)
                return 2
        print(json.dumps(verdict), flush=True)
    return 0


sys.exit(main(sys.argv[1:]))
