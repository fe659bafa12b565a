#!/bin/sh
# After removing, for dpkg, rpm and apk. Positions, configuration and user outlive removal
# and go with dpkg --purge; rpm and apk know no purge, so there they stay.
set -e
if [ -d /run/systemd/system ]; then
	systemctl daemon-reload || true
fi
if [ "${1-}" = purge ]; then
	rm -rf /var/lib/lighterman /etc/lighterman
	if getent passwd lighterman >/dev/null 2>&1; then userdel lighterman || true; fi
	if getent group lighterman >/dev/null 2>&1; then groupdel lighterman || true; fi
fi
