#!/bin/sh
# Makes the database once, whole or not at all, and becomes the server.
# $SECRETS is a folder with the file password; $DATABASE names database and user.
set -eu
volume=/var/lib/mysql
if [ ! -d $volume/data ]; then
	rm -rf $volume/new # of a first start that was cut short
	mariadb-install-db --no-defaults --datadir=$volume/new --skip-test-db >/dev/null
	password=$(sed "s/[\\\\']/\\\\&/g" "$SECRETS/password")
	mariadbd --no-defaults --datadir=$volume/new --bootstrap <<SQL
FLUSH PRIVILEGES;
CREATE DATABASE \`$DATABASE\` CHARACTER SET utf8mb4;
CREATE USER '$DATABASE'@'%' IDENTIFIED BY '$password';
GRANT ALL ON \`$DATABASE\`.* TO '$DATABASE'@'%';
SQL
	unset password
	sync
	mv $volume/new $volume/data
	sync
fi
exec mariadbd --datadir=$volume/data --bind-address=0.0.0.0 --skip-name-resolve --innodb-buffer-pool-size=64M --performance-schema=OFF --log-warnings=1
