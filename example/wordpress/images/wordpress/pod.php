<?php
/*
Plugin Name: Pod
Description: Sends the site's requests to itself (WP-Cron, site health) to this pod's own port: the site's public address is the Ingress's, which a pod need not reach.
*/

add_filter('pre_http_request', function ($answer, array $request, string $url) {
    $site = site_url('/');
    if (!str_starts_with($url, $site)) {
        return $answer;
    }
    $request['headers'] = [
        'Host' => preg_replace('#^https?://|/$#', '', $site),
        'X-Forwarded-Proto' => parse_url($site, PHP_URL_SCHEME),
    ] + (array) $request['headers'];
    return wp_remote_request('http://localhost:8080/' . substr($url, strlen($site)), $request);
}, 10, 3);
