#!/bin/sh
# After installing and upgrading, for dpkg, rpm and apk: a user, and the new version in
# place of the one that runs. It is not started by itself, as it must know where Loki is.
set -e
nologin=/usr/sbin/nologin
[ -x "$nologin" ] || nologin=/sbin/nologin
if ! getent group lighterman >/dev/null 2>&1; then
	if command -v groupadd >/dev/null 2>&1; then groupadd --system lighterman; else addgroup -S lighterman; fi
fi
if ! getent passwd lighterman >/dev/null 2>&1; then
	if command -v useradd >/dev/null 2>&1; then
		useradd --system --gid lighterman --home-dir /var/lib/lighterman --no-create-home --shell "$nologin" --comment lighterman lighterman
	else
		adduser -S -D -H -G lighterman -h /var/lib/lighterman -s "$nologin" -g lighterman lighterman
	fi
fi
if [ -d /run/systemd/system ]; then
	systemctl daemon-reload || true
	systemctl try-restart lighterman.service || true
elif command -v rc-service >/dev/null 2>&1; then
	rc-service --ifstarted lighterman restart || true
fi
