<?php
// Makes the site in an empty database, or brings its tables to this version of WordPress; then ends.
// Each pod runs it before Apache. A lock in the database lets one at a time through.
// It may be killed at any moment: the table install_unfinished stands as long as the site is not whole,
// and while it stands, the next run begins anew.

define('WP_INSTALLING', true);
$_SERVER['HTTP_HOST'] = strtok(getenv('SITE_HOSTS') ?: 'localhost', ' ');
$_SERVER['SERVER_PROTOCOL'] = 'HTTP/1.1';
require '/etc/wordpress/config-default.php';

// There is no mail program in the pod, and the administrator knows of the site.
function wp_new_blog_notification($title, $url, $user, $password)
{
}

/** Connects to the database, as soon as it is there; gives up after ten minutes. */
function connect(): mysqli
{
    mysqli_report(MYSQLI_REPORT_ERROR | MYSQLI_REPORT_STRICT);
    for ($end = time() + 600, $told = false;;) {
        try {
            return @new mysqli(DB_HOST, DB_USER, DB_PASSWORD, DB_NAME);
        } catch (mysqli_sql_exception $e) {
            if (time() > $end) {
                throw $e;
            }
            if (!$told) {
                fwrite(STDERR, "install: waiting for the database: {$e->getMessage()}\n");
                $told = true;
            }
            sleep(1);
        }
    }
}

/** Drops what an install that was cut short has left. */
function clear(mysqli $database): void
{
    foreach ($database->query('SHOW TABLES')->fetch_all() as [$table]) {
        if ($table !== 'install_unfinished') {
            $database->query("DROP TABLE `$table`");
        }
    }
}

/** Makes the tables, the first page and the administrator's account. */
function install(): void
{
    global $wp_rewrite;
    $password = rtrim(file_get_contents('/run/secrets/wordpress-admin/admin-password'), "\n");
    $made = wp_install(getenv('SITE_TITLE') ?: 'WordPress', 'admin', getenv('ADMIN_MAIL') ?: 'admin@example.com', true, '', wp_slash($password));
    if (is_wp_error($made['user_id'])) {
        throw new RuntimeException($made['user_id']->get_error_message());
    }
    $wp_rewrite->set_permalink_structure('/%year%/%monthnum%/%postname%/');
    $wp_rewrite->flush_rules();
}

// The lock is this connection's: it is free again as soon as this process is gone.
$database = connect();
if ($database->query("SELECT GET_LOCK('wordpress install', 600)")->fetch_row()[0] != 1) {
    fwrite(STDERR, "install: another pod has been installing for ten minutes; look at its log\n");
    exit(1);
}
$unfinished = $database->query("SHOW TABLES LIKE 'install_unfinished'")->num_rows > 0;
if ($unfinished) {
    fwrite(STDERR, "install: an earlier install was cut short; beginning anew\n");
    clear($database);
}

require '/usr/share/wordpress/wp-load.php';
require ABSPATH . 'wp-admin/includes/upgrade.php';

if ($unfinished || !is_blog_installed()) {
    $database->query('CREATE TABLE IF NOT EXISTS install_unfinished (at TIMESTAMP)');
    install();
    $database->query('DROP TABLE install_unfinished');
    echo "install: the site is made\n";
} else {
    wp_upgrade();
    echo "install: the site is there\n";
}
