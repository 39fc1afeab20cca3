<?php
// Makes the site once. Every replica runs this before it serves; a lock in the
// database lets one of them do it while the others wait.
declare(strict_types=1);
mysqli_report(MYSQLI_REPORT_ERROR | MYSQLI_REPORT_STRICT);
$secrets = getenv('SECRETS');
$name = getenv('DATABASE');
$password = trim(file_get_contents("$secrets/password"));
for ($try = 0; ; $try++) {
	try {
		$database = new mysqli(getenv('DATABASE_HOST'), $name, $password, $name);
		break;
	} catch (mysqli_sql_exception $e) {
		if ($try >= 300) {
			fwrite(STDERR, "the database does not answer: {$e->getMessage()}\n");
			exit(1);
		}
		usleep(200_000);
	}
}
$database->query("SELECT GET_LOCK('wordpress-install', 300)");
define('WP_INSTALLING', true);
$_SERVER['HTTP_HOST'] = getenv('SITE');
// Pluggable: no mail leaves this machine, the password stands in the secret.
function wp_new_blog_notification(string $title, string $url, int $user, string $password): void {}
require '/usr/share/wordpress/wp-load.php';
require ABSPATH . 'wp-admin/includes/upgrade.php';
if (!is_blog_installed()) {
	wp_install('WordPress on Garboard', 'admin', 'admin@' . getenv('SITE'), true, '', trim(file_get_contents("$secrets/admin-password")));
	echo "installed\n";
}
$database->query("SELECT RELEASE_LOCK('wordpress-install')");
