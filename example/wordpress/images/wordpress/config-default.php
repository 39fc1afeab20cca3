<?php
// Read by Debian's wp-config.php. Secrets are files in $SECRETS, the rest is in the environment.
function garboard_secret(string $name): string {
	return trim(file_get_contents(getenv('SECRETS') . '/' . $name));
}
define('DB_NAME', getenv('DATABASE'));
define('DB_USER', getenv('DATABASE'));
define('DB_PASSWORD', garboard_secret('password'));
define('DB_HOST', getenv('DATABASE_HOST'));
define('DB_CHARSET', 'utf8mb4');
define('WP_CONTENT_DIR', '/var/lib/wordpress/wp-content');
foreach (['AUTH', 'SECURE_AUTH', 'LOGGED_IN', 'NONCE'] as $use) {
	define($use . '_KEY', hash_hmac('sha256', $use . ' key', garboard_secret('salt')));
	define($use . '_SALT', hash_hmac('sha256', $use . ' salt', garboard_secret('salt')));
}
if (($_SERVER['HTTP_X_FORWARDED_PROTO'] ?? '') === 'https') {
	$_SERVER['HTTPS'] = 'on';
}
$scheme = ($_SERVER['HTTPS'] ?? '') === 'on' ? 'https' : 'http';
define('WP_HOME', $scheme . '://' . ($_SERVER['HTTP_HOST'] ?? getenv('SITE')));
define('WP_SITEURL', WP_HOME);
// The image is what changes, not the container.
define('DISALLOW_FILE_MODS', true);
define('WP_HTTP_BLOCK_EXTERNAL', true);
define('AUTOMATIC_UPDATER_DISABLED', true);
