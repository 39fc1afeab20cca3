<?php
// Whether this pod can serve the site: there is no page without the database.
require '/etc/wordpress/config-default.php';

mysqli_report(MYSQLI_REPORT_OFF);
$database = mysqli_init();
$database->options(MYSQLI_OPT_CONNECT_TIMEOUT, 2);
if (!@$database->real_connect(DB_HOST, DB_USER, DB_PASSWORD, DB_NAME)) {
    http_response_code(503);
    echo "the database does not answer: {$database->connect_error}\n";
    exit;
}
echo "ready\n";
