#!/usr/bin/env bash
# Rehearse the example ceremony: from a machine that has Rust to a trust root that verifies, on
# throwaway SoftHSM tokens. Installs what is missing, builds rootwright, rehearses, verifies, and
# asks once more whether the canary verifies that the rehearsal ended with.
#
#     softhsm-setup/rehearse.sh
#
# Safe to run again: an earlier rehearsal is moved aside, never deleted.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
cd "$root"

plan=ceremony/sigstore.toml
archive=target/rehearsal
rootwright=target/release/rootwright

need_rust
install_missing compiler pcsclite softhsm
cargo build --release --locked --target-dir target

# A rehearsal's certificates start on the day it was made, so it goes stale.
move_aside "$archive"

"$rootwright" rehearse "$plan" --archive "$archive" --yes
"$rootwright" verify "$archive"
"$rootwright" prove "$archive" --replay "$archive/canaries"

# A stock client's word, where there is one: `softhsm-setup/test.sh` installs this one, and others.
sigstore=$(command -v sigstore || echo target/clients/python/bin/sigstore)
canary=$archive/canaries/canary-1
if [ -x "$sigstore" ]; then
  say "sigstore-python says of the canary:"
  "$sigstore" --trust-config "$canary/client_trust_config.json" verify identity --offline \
    --bundle "$canary/bundle.sigstore.json" --cert-identity canary@example.org \
    --cert-oidc-issuer https://oauth2.example.org/auth "$canary/artifact"
else
  say "No stock client is installed here; the commands for them stand above."
fi

cat <<SUMMARY

The ceremony in $plan is rehearsed, and what it made verifies.

  $archive/trust-root/     trusted_root.json and the signing config, for sigstore clients
  $archive/tuf/            the TUF repository that clients fetch them from; serve it as it is
  $archive/certificates/   every certificate, with its chain
  $archive/canaries/       a signature under the new trust root, for the clients above to check
  $archive/journal.jsonl   what happened, step by step

Every key is a throwaway and every name is marked as a rehearsal.
To see what one file says:  $rootwright show $archive/trust-root/trusted_root.json
SUMMARY
