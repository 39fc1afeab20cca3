#!/bin/sh
# "start" serves; "start install" makes the site.
set -eu
if [ "${1:-}" = install ]; then
	exec php /usr/local/lib/wordpress-install.php
fi
set +u # the file tests variables that are not set
. /etc/apache2/envvars
rm -f "$APACHE_PID_FILE"
exec apache2 -DFOREGROUND
