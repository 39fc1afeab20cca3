<?php
// The configuration that Debian's /usr/share/wordpress/wp-config.php reads. Secrets are files.

$secret = fn (string $key): string => rtrim(file_get_contents("/run/secrets/wordpress/$key"), "\n");

define('DB_HOST', getenv('DATABASE_HOST') ?: 'mariadb');
define('DB_NAME', 'wordpress');
define('DB_USER', 'wordpress');
define('DB_PASSWORD', $secret('database-password'));
define('DB_CHARSET', 'utf8mb4');
define('DB_COLLATE', '');

// WordPress wants eight keys; they follow from one, so all replicas accept each other's cookies.
foreach (['AUTH', 'SECURE_AUTH', 'LOGGED_IN', 'NONCE'] as $use) {
    foreach (['KEY', 'SALT'] as $kind) {
        define("{$use}_$kind", hash_hmac('sha256', "{$use}_$kind", $secret('key')));
    }
}

// The site answers at each name in SITE_HOSTS, at any port and scheme that the request came by.
// A request that names another host gets the first: nobody else decides where links lead.
$names = explode(' ', getenv('SITE_HOSTS') ?: 'localhost');
$asked = strtolower($_SERVER['HTTP_HOST'] ?? '');
$site = preg_match('/^([a-z0-9.-]+)(:\d{1,5})?$/', $asked, $part) && in_array($part[1], $names, true) ? $asked : $names[0];
$scheme = ($_SERVER['HTTP_X_FORWARDED_PROTO'] ?? '') === 'https' ? 'https' : 'http';
define('WP_HOME', "$scheme://$site");
define('WP_SITEURL', WP_HOME);

// Programs come with the image, the same in each replica; apt brings their updates.
define('DISALLOW_FILE_MODS', true);
// The site asks no other host for news or updates: it would wait for answers where there is no network.
define('WP_HTTP_BLOCK_EXTERNAL', true);

unset($secret, $use, $kind, $names, $asked, $part, $site, $scheme);
