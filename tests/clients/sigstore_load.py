"""Load a trusted root and a signing config with sigstore-python, and use them.

    sigstore_load.py [--trusted-root FILE] [--signing-config FILE]

sigstore-python reads a file first and looks at its keys and certificates only
when they are needed, so loading alone says little: this asks for everything
that verifying or signing would ask for.

Exit code: 0 accepted, 1 refused (one line says why, in the client's words),
2 the client came to no judgement (usage, unreadable file).
"""

import argparse
import json
import logging
import sys
from pathlib import Path

from rfc3161_client import VerifierBuilder
from sigstore._internal.trust import KeyringPurpose
from sigstore.errors import Error
from sigstore.models import SigningConfig, TrustedRoot
from sigstore.verify import Verifier


class Dropped(logging.Handler):
    """sigstore-python skips a log key that it can't use with no more than a
    warning. A trust root that loses a log on the way is not accepted."""

    def emit(self, record: logging.LogRecord) -> None:
        raise Error(record.getMessage())


def use_trusted_root(path: str) -> None:
    root = TrustedRoot.from_file(path)
    root.get_fulcio_certs()
    root.ct_keyring(KeyringPurpose.VERIFY)
    root.rekor_keyring(KeyringPurpose.VERIFY)
    for authority in root.get_timestamp_authorities():
        signer, *above = authority.certificates(allow_expired=True)
        if not above:
            raise Error("a timestamp authority's chain has no root")
        # the calls that sigstore-python makes to check a timestamp
        builder = VerifierBuilder().tsa_certificate(signer)
        for certificate in above[:-1]:
            builder = builder.add_intermediate_certificate(certificate)
        builder.add_root_certificate(above[-1]).build()
    Verifier(trusted_root=root)


def use_signing_config(path: str) -> None:
    config = SigningConfig.from_file(path)
    config.get_fulcio()
    config.get_tlogs()
    config.get_tsas()
    # A deployment without an OIDC provider of its own is a whole one.
    if json.loads(Path(path).read_bytes()).get("oidcUrls"):
        config.get_oidc_url()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--trusted-root", metavar="FILE")
    parser.add_argument("--signing-config", metavar="FILE")
    args = parser.parse_args()
    if not (args.trusted_root or args.signing_config):
        parser.error("nothing to load")
    logging.getLogger("sigstore").addHandler(Dropped(logging.WARNING))
    try:
        if args.trusted_root:
            use_trusted_root(args.trusted_root)
        if args.signing_config:
            use_signing_config(args.signing_config)
    except (Error, ValueError) as error:  # pydantic's ValidationError is a ValueError
        print(f"{type(error).__name__}: {' '.join(str(error).split())}")
        return 1
    except Exception as error:  # a crash must not pass for a refusal
        print(f"{type(error).__name__}: {error}", file=sys.stderr)
        return 2
    return 0


sys.exit(main())
