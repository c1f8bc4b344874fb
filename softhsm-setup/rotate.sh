#!/usr/bin/env bash
# Rehearse a year of a trust root: its first ceremony, the one that publishes a new intermediate, and the
# one that retires the old. All three over one archive, each held on its own day.
#
#     softhsm-setup/rotate.sh
#
# Safe to run again: an earlier rehearsal is moved aside, never deleted.
set -euo pipefail
here=$(dirname "${BASH_SOURCE[0]}")
exec "$here/rehearse-after.sh" "$here/../ceremony/retire-intermediate.toml" "$here/../target/rotation"
