#!/usr/bin/env bash
# Rehearse a plan that changes a trust root, after those that it starts from: all over one archive, each held
# on its own day, and verified after each. A plan says in its head what it starts from:
#
#     # Starts from: ceremony/sigstore.toml
#
#     softhsm-setup/rehearse-after.sh PLAN [ARCHIVE]
#
# Safe to run again: an earlier rehearsal is moved aside, never deleted. ROOTWRIGHT names a binary that is
# built already.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

[ $# -ge 1 ] || fail "usage: $0 PLAN [ARCHIVE]"
plan=$(realpath "$1")
archive=${2:-$root/target/$(basename "$plan" .toml)}
cd "$root"

# The plans in the order in which they are held.
plans=()
for _ in {1..100}; do
  plans=("$plan" "${plans[@]+"${plans[@]}"}")
  before=$(sed -n 's/^# Starts from: *//p' "$plan" | head -n 1)
  [ -n "$before" ] || break
  plan=$root/$before
  [ -f "$plan" ] || fail "${plans[0]} starts from $before, which is not there"
done
[ -z "$before" ] || fail "the plans start from each other"

rootwright=${ROOTWRIGHT:-}
if [ -z "$rootwright" ]; then
  need_rust
  install_missing compiler pcsclite softhsm
  cargo build --release --locked --target-dir target
  rootwright=target/release/rootwright
fi
move_aside "$archive"

for plan in "${plans[@]}"; do
  say "== ${plan#"$root"/}"
  "$rootwright" rehearse "$plan" --archive "$archive" --yes
  "$rootwright" verify "$archive"
done
"$rootwright" check "$plan" --archive "$archive"
