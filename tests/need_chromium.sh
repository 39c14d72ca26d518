#!/bin/sh
# Chromium for the browser tests: installed through apt when root and missing; elsewhere their absence is said
# plainly, and is a failure when CI=true.
set -eu
command -v chromium >/dev/null 2>&1 && exit 0
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
  apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq chromium >/dev/null
  command -v chromium >/dev/null 2>&1 && exit 0
fi
if [ "${CI:-}" = true ]; then
  echo "chromium is missing and could not be installed: the browser tests cannot run" >&2
  exit 1
fi
echo "chromium is missing: the browser tests are skipped (on Debian: apt install chromium)" >&2
