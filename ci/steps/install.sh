#!/usr/bin/env bash
# Puts lab on the PATH of the steps that follow. One of two ways:
#
#   INSTALL_ARCHIVE, INSTALL_SHA256   a tar archive with the program `lab` in it, and its checksum
#   INSTALL_SOURCE, INSTALL_REV       a Git repository and the full hash of the commit to build; takes
#                             Rust, a C compiler and about ten minutes
#
# A tag or a branch is refused: what runs with an identity of the cloud is named by its content.
set -euo pipefail
# shellcheck source=say.sh
. "$(dirname "$0")/say.sh"

folder=${RUNNER_TEMP:-${AGENT_TEMPDIRECTORY:-${CI_BUILDS_DIR:-/tmp}}}/cloud-security-lab
mkdir -p "$folder/bin"

wrong() {
  say error "$1"
  exit 64
}

if [ -n "${INSTALL_ARCHIVE:-}" ]; then
  [[ ${INSTALL_SHA256:-} =~ ^[0-9a-f]{64}$ ]] ||
    wrong "INSTALL_ARCHIVE needs INSTALL_SHA256, the archive's checksum: 64 hexadecimal digits"
  curl --fail --silent --show-error --location --retry 3 --output "$folder/archive" "$INSTALL_ARCHIVE"
  printf '%s  %s\n' "$INSTALL_SHA256" "$folder/archive" | sha256sum --check --quiet ||
    { rm -f "$folder/archive"; say error "the archive is not the one that INSTALL_SHA256 names"; exit 1; }
  mkdir -p "$folder/unpacked"
  tar --extract --file "$folder/archive" --directory "$folder/unpacked"
  program=$(find "$folder/unpacked" -type f -name lab | head -n 1)
  [ -n "$program" ] || { say error "the archive has no program lab"; exit 1; }
  install -m 755 "$program" "$folder/bin/lab"
  rm -rf "$folder/archive" "$folder/unpacked"
else
  [[ ${INSTALL_REV:-} =~ ^[0-9a-f]{40}$ ]] ||
    wrong "set INSTALL_ARCHIVE and INSTALL_SHA256, or INSTALL_REV to the full hash of a commit"
  cargo install --git "${INSTALL_SOURCE:-https://github.com/cloud-security-lab/cloud-security-lab}" \
    --rev "$INSTALL_REV" --locked --root "$folder" lab
fi

if [ -n "${GITHUB_PATH:-}" ]; then
  printf '%s\n' "$folder/bin" >>"$GITHUB_PATH"
elif [ -n "${TF_BUILD:-}" ]; then
  printf '##vso[task.prependpath]%s\n' "$folder/bin"
fi
"$folder/bin/lab" --version
