"""Has pkilint judge certificates, pairs of certificate and issuer, and CRLs.

    lint_with_pkilint.py [cert FILE | pair ISSUER SUBJECT | crl FILE]...

Prints one JSON document: {"findings": [{"file", "severity", "code", "path", "message"}...],
"judged": [{"what", "files", "ms"}...]}. pkilint's own commands are called, in one process: starting
Python and loading it takes longer than all they do. Exits with 0 whatever they find.
"""

import contextlib
import io
import json
import sys
import time

from pkilint.bin import lint_crl, lint_pkix_cert, lint_pkix_signer_signee_cert_chain

# All of it: whether a remark matters is judged by those who read the list of explained ones.
EVERYTHING = ["lint", "--severity", "DEBUG", "--format", "JSON"]

# A list for CA certificates is judged as one (an ARL), by RFC 5280 and by the CA/Browser Forum.
COMMANDS = {
    "cert": [(lint_pkix_cert, [])],
    "pair": [(lint_pkix_signer_signee_cert_chain, [])],
    "crl": [
        (lint_crl, ["--type", "ARL", "--profile", "PKIX"]),
        (lint_crl, ["--type", "ARL", "--profile", "BR"]),
    ],
}


def judge(what, files):
    findings = []
    start = time.perf_counter()
    for command, arguments in COMMANDS[what]:
        said = io.StringIO()
        with contextlib.redirect_stdout(said):
            command.main(EVERYTHING + arguments + files)
        # A command that could not read its file says so on stderr, and nothing here.
        for result in json.loads(said.getvalue())["results"]:
            for finding in result["finding_descriptions"]:
                findings.append(
                    {
                        "file": files[-1],
                        "severity": finding["severity"],
                        "code": finding["code"],
                        "path": result["node_path"],
                        "message": finding["message"],
                    }
                )
    return findings, (time.perf_counter() - start) * 1000


def main(arguments):
    document = {"findings": [], "judged": []}
    while arguments:
        what = arguments.pop(0)
        files = [arguments.pop(0) for _ in range(2 if what == "pair" else 1)]
        findings, elapsed = judge(what, files)
        document["findings"].extend(findings)
        document["judged"].append({"what": what, "files": files, "ms": elapsed})
    print(json.dumps(document))


main(sys.argv[1:])
