# shellcheck shell=bash
# What the scripts beside this file share. Sourced by them, not run.

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)

say() { printf '%s\n' "$*" >&2; }

fail() {
  printf 'error: %s\n' "$*" >&2
  exit 1
}

# have THING: is it on this machine, in a form that works for us?
have() {
  case $1 in
    compiler) command -v cc ;;
    # YubiKeys are reached through it; macOS brings its own.
    pcsclite) [ "$(uname)" = Darwin ] || pkg-config --exists libpcsclite ;;
    softhsm) command -v softhsm2-util ;;
    # pcscd with readers for simulated YubiKeys, in a network of their own; Linux alone has it.
    cards) [ "$(uname)" != Linux ] || {
      [ -x /usr/sbin/pcscd ] && command -v ip && command -v unshare &&
        compgen -G '/usr/lib*/pcsc/drivers/serial/libifdvpcd.so'
    } ;;
    # The tools that judge whether a simulated YubiKey is one.
    yubico) [ "$(uname)" != Linux ] || {
      command -v yubico-piv-tool && command -v pkcs11-tool && compgen -G '/usr/lib*/*/libykcs11.so*'
    } ;;
    openssl) command -v openssl ;;
    ssh-keygen) command -v ssh-keygen ;;
    # OpenSC's module that writes down every call into another one; where distributions put it
    pkcs11-spy) compgen -G '/usr/lib/*/pkcs11-spy.so' || compgen -G '/usr/lib64/pkcs11-spy.so' ;;
    # Kills a process inside a module's own writes; Linux has it, and elsewhere that test says so.
    strace) [ "$(uname)" != Linux ] || command -v strace ;;
    # opens what people print and read; its pages are set in Liberation's letters
    chromium) command -v chromium || command -v chromium-browser ;;
    letters) compgen -G '/usr/share/fonts/**/[Ll]iberation*/*' || [ "$(uname)" != Linux ] ;;
    poppler) command -v pdftotext && command -v pdftoppm ;;
    # reads QR codes as telephones do
    zbar) command -v zbarimg ;;
    # Debian packs venv apart from Python; the pinned clients need Python 3.10.
    python) python3 -c 'import ensurepip, sys, venv; sys.exit(sys.version_info < (3, 10))' ;;
  esac >/dev/null 2>&1
}

# packages MANAGER THING...: what each thing is called there.
packages() {
  local manager=$1 thing
  shift
  for thing in "$@"; do
    case $manager/$thing in
      # Rust links with it, and aws-lc-sys compiles C. No cmake, no C++.
      apt/compiler) echo gcc libc6-dev ;;
      dnf/compiler) echo gcc ;;
      brew/compiler) echo gcc ;;
      apt/pcsclite) echo libpcsclite-dev pkg-config ;;
      dnf/pcsclite) echo pcsc-lite-devel pkgconf-pkg-config ;;
      apt/cards) echo pcscd vsmartcard-vpcd iproute2 util-linux ;;
      dnf/cards) echo pcsc-lite vsmartcard-vpcd iproute util-linux ;;
      apt/yubico) echo yubico-piv-tool ykcs11 opensc ;;
      dnf/yubico) echo yubico-piv-tool opensc ;;
      apt/softhsm) echo softhsm2 ;;
      */softhsm) echo softhsm ;;
      */openssl) echo openssl ;;
      apt/ssh-keygen) echo openssh-client ;;
      dnf/ssh-keygen) echo openssh ;;
      brew/ssh-keygen) echo openssh ;;
      */strace) echo strace ;;
      apt/pkcs11-spy) echo opensc-pkcs11 ;;
      */pkcs11-spy) echo opensc ;;
      */chromium) echo chromium ;;
      apt/letters) echo fonts-liberation ;;
      dnf/letters) echo liberation-fonts ;;
      brew/letters) echo font-liberation ;;
      apt/poppler) echo poppler-utils ;;
      dnf/poppler) echo poppler-utils ;;
      brew/poppler) echo poppler ;;
      apt/zbar) echo zbar-tools ;;
      dnf/zbar) echo zbar-tools ;;
      brew/zbar) echo zbar ;;
      apt/python) echo python3 python3-venv ;;
      dnf/python) echo python3 ;;
      brew/python) echo python ;;
    esac
  done | tr '\n' ' ' | sed 's/ $//'
}

# install_missing THING...: install what is not there yet, or say what to install.
install_missing() {
  local thing missing=() names how log
  for thing in "$@"; do
    have "$thing" || missing+=("$thing")
  done
  [ ${#missing[@]} -gt 0 ] || return 0

  names=$(packages apt "${missing[@]}")
  how="Install it yourself and run this again:
  Debian, Ubuntu   apt-get install $names
  Fedora, RHEL     dnf install $(packages dnf "${missing[@]}")
  macOS            brew install $(packages brew "${missing[@]}")"

  local as_root=()
  command -v apt-get >/dev/null || fail "missing: ${missing[*]}, and there is no apt here.
$how"
  if [ "$(id -u)" -ne 0 ]; then
    sudo -n true 2>/dev/null || fail "missing: ${missing[*]}, and installing needs root.
$how"
    as_root=(sudo -n)
  fi

  say "Installing $names."
  log=$(mktemp)
  # The + form: an empty array is an error under set -u in bash 4.3 and earlier.
  # shellcheck disable=SC2086 # names are several words
  if ! { ${as_root[@]+"${as_root[@]}"} apt-get update -q &&
    ${as_root[@]+"${as_root[@]}"} env DEBIAN_FRONTEND=noninteractive \
      apt-get install -q -y --no-install-recommends $names; } >"$log" 2>&1 </dev/null; then
    tail -n 30 "$log" >&2
    fail "apt could not install $names. The whole log: $log"
  fi
  rm -f "$log"
  for thing in "${missing[@]}"; do
    have "$thing" || fail "$names is installed, but $thing still does not work here"
  done
}

need_rust() {
  command -v cargo >/dev/null || fail "no cargo on the PATH. Install Rust, version $(
    sed -n 's/^rust-version *= *"\(.*\)"/\1/p' "$root/Cargo.toml"
  ) or newer, and run this again"
}

# move_aside FOLDER: what an earlier rehearsal made is kept, under another name.
move_aside() {
  [ -e "$1" ] || return 0
  local aside
  aside=$1.$(date -u +%Y%m%dT%H%M%SZ)
  [ ! -e "$aside" ] || fail "$aside is in the way. Run this again in a second"
  mv "$1" "$aside"
  say "The earlier rehearsal is now at $aside."
}
