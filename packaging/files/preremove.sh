#!/bin/sh
# Before removing, for dpkg, rpm and apk: the service is stopped. An upgrade goes on with
# the old version until the new one is in place: dpkg says upgrade, rpm 1.
set -e
case ${1-} in
upgrade | failed-upgrade | 1) exit 0 ;;
esac
if [ -d /run/systemd/system ]; then
	systemctl disable --now lighterman.service || true
elif command -v rc-service >/dev/null 2>&1; then
	rc-service --ifstarted lighterman stop || true
	rc-update del lighterman || true
fi
