#!/usr/bin/env bash
# Rehearse a year of a trust root: its first ceremony, the one that publishes a new intermediate, and the
# one that retires the old. All three over one archive, each held on its own day.
#
#     softhsm-setup/rotate.sh
#
# Safe to run again: an earlier rehearsal is moved aside, never deleted.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
cd "$root"

archive=target/rotation
rootwright=target/release/rootwright

need_rust
install_missing compiler pcsclite softhsm
cargo build --release --locked --target-dir target
move_aside "$archive"

for plan in sigstore rotate-intermediate retire-intermediate; do
  say "== ceremony/$plan.toml"
  "$rootwright" rehearse "ceremony/$plan.toml" --archive "$archive" --yes
  "$rootwright" verify "$archive"
done
"$rootwright" check ceremony/retire-intermediate.toml --archive "$archive"
