package config

import "strings"

// table has one setting a line: name, section, key, type, default; the variable
// is ANSIBLE_ and the name without DEFAULT_ unless it is given behind.
const table = `
ACTION_WARNINGS|defaults|action_warnings|boolean|True
ANSIBLE_FORCE_COLOR|defaults|force_color|boolean|False|ANSIBLE_FORCE_COLOR
ANSIBLE_NOCOLOR|defaults|nocolor|boolean|False|ANSIBLE_NOCOLOR,NO_COLOR
ANSIBLE_PIPELINING|connection|pipelining|boolean|False|ANSIBLE_PIPELINING
ANY_ERRORS_FATAL|defaults|any_errors_fatal|boolean|False
BECOME_ALLOW_SAME_USER|privilege_escalation|become_allow_same_user|boolean|False
CALLBACKS_ENABLED|defaults|callbacks_enabled|list||ANSIBLE_CALLBACKS_ENABLED,ANSIBLE_CALLBACK_WHITELIST
COLLECTIONS_PATHS|defaults|collections_paths|pathlist|~/.ansible/collections:/usr/share/ansible/collections|ANSIBLE_COLLECTIONS_PATHS,ANSIBLE_COLLECTIONS_PATH
COLOR_CHANGED|colors|changed|string|yellow
COLOR_DEBUG|colors|debug|string|dark gray
COLOR_DEPRECATE|colors|deprecate|string|purple
COLOR_DIFF_ADD|colors|diff_add|string|green
COLOR_DIFF_LINES|colors|diff_lines|string|cyan
COLOR_DIFF_REMOVE|colors|diff_remove|string|red
COLOR_ERROR|colors|error|string|red
COLOR_HIGHLIGHT|colors|highlight|string|white
COLOR_OK|colors|ok|string|green
COLOR_SKIP|colors|skip|string|cyan
COLOR_UNREACHABLE|colors|unreachable|string|bright red
COLOR_VERBOSE|colors|verbose|string|blue
COLOR_WARN|colors|warn|string|bright purple
DEFAULT_ASK_PASS|defaults|ask_pass|boolean|False
DEFAULT_ASK_VAULT_PASS|defaults|ask_vault_pass|boolean|False
DEFAULT_BECOME|privilege_escalation|become|boolean|False
DEFAULT_BECOME_ASK_PASS|privilege_escalation|become_ask_pass|boolean|False
DEFAULT_BECOME_EXE|privilege_escalation|become_exe|string|
DEFAULT_BECOME_FLAGS|privilege_escalation|become_flags|string|
DEFAULT_BECOME_METHOD|privilege_escalation|become_method|string|sudo
DEFAULT_BECOME_USER|privilege_escalation|become_user|string|root
DEFAULT_FACT_PATH|defaults|fact_path|path|
DEFAULT_FORCE_HANDLERS|defaults|force_handlers|boolean|False
DEFAULT_FORKS|defaults|forks|integer|5
DEFAULT_GATHERING|defaults|gathering|string|implicit
DEFAULT_GATHER_SUBSET|defaults|gather_subset|list|
DEFAULT_GATHER_TIMEOUT|defaults|gather_timeout|integer|
DEFAULT_HASH_BEHAVIOUR|defaults|hash_behaviour|string|replace
DEFAULT_HOST_LIST|defaults|inventory|pathspec|/etc/ansible/hosts|ANSIBLE_INVENTORY
DEFAULT_JINJA2_EXTENSIONS|defaults|jinja2_extensions|list|
DEFAULT_JINJA2_NATIVE|defaults|jinja2_native|boolean|False
DEFAULT_LOG_PATH|defaults|log_path|path|
DEFAULT_MANAGED_STR|defaults|ansible_managed|string|Ansible managed
DEFAULT_MODULE_ARGS|defaults|module_args|string|
DEFAULT_MODULE_NAME|defaults|module_name|string|command
DEFAULT_MODULE_PATH|defaults|library|pathlist|~/.ansible/plugins/modules:/usr/share/ansible/plugins/modules|ANSIBLE_LIBRARY
DEFAULT_NO_LOG|defaults|no_log|boolean|False
DEFAULT_POLL_INTERVAL|defaults|poll_interval|integer|15
DEFAULT_PRIVATE_KEY_FILE|defaults|private_key_file|path|
DEFAULT_PRIVATE_ROLE_VARS|defaults|private_role_vars|boolean|False
DEFAULT_REMOTE_PORT|defaults|remote_port|integer|
DEFAULT_REMOTE_USER|defaults|remote_user|string|
DEFAULT_ROLES_PATH|defaults|roles_path|pathlist|~/.ansible/roles:/usr/share/ansible/roles:/etc/ansible/roles
DEFAULT_STDOUT_CALLBACK|defaults|stdout_callback|string|default
DEFAULT_STRATEGY|defaults|strategy|string|linear
DEFAULT_TIMEOUT|defaults|timeout|integer|10
DEFAULT_TRANSPORT|defaults|transport|string|smart
DEFAULT_UNDEFINED_VAR_BEHAVIOR|defaults|error_on_undefined_vars|boolean|True|ANSIBLE_ERROR_ON_UNDEFINED_VARS
DEFAULT_VAULT_IDENTITY|defaults|vault_identity|string|default
DEFAULT_VAULT_IDENTITY_LIST|defaults|vault_identity_list|list|
DEFAULT_VAULT_ID_MATCH|defaults|vault_id_match|boolean|False
DEFAULT_VAULT_PASSWORD_FILE|defaults|vault_password_file|path|
DEFAULT_VAULT_ENCRYPT_IDENTITY|defaults|vault_encrypt_identity|string|
DEFAULT_VERBOSITY|defaults|verbosity|integer|0
DEPRECATION_WARNINGS|defaults|deprecation_warnings|boolean|True
DUPLICATE_YAML_DICT_KEY|defaults|duplicate_dict_key|string|warn
DIFF_ALWAYS|diff|always|boolean|False
DIFF_CONTEXT|diff|context|integer|3
DISPLAY_ARGS_TO_STDOUT|defaults|display_args_to_stdout|boolean|False
DISPLAY_FAILED_STDERR|defaults|display_failed_stderr|boolean|False
DISPLAY_OK_HOSTS|defaults|display_ok_hosts|boolean|True
DISPLAY_SKIPPED_HOSTS|defaults|display_skipped_hosts|boolean|True
CHECK_MODE_MARKERS|defaults|check_mode_markers|boolean|False
CALLBACK_RESULT_FORMAT|defaults|callback_result_format|string|json
CALLBACK_FORMAT_PRETTY|defaults|callback_format_pretty|string|
ERROR_ON_MISSING_HANDLER|defaults|error_on_missing_handler|boolean|True
CACHE_PLUGIN|defaults|fact_caching|string|memory
CACHE_PLUGIN_CONNECTION|defaults|fact_caching_connection|path|
CACHE_PLUGIN_TIMEOUT|defaults|fact_caching_timeout|integer|86400
HOST_KEY_CHECKING|defaults|host_key_checking|boolean|True
INJECT_FACTS_AS_VARS|defaults|inject_facts_as_vars|boolean|True
INVENTORY_ANY_UNPARSED_IS_FATAL|inventory|any_unparsed_is_fatal|boolean|False|ANSIBLE_INVENTORY_ANY_UNPARSED_IS_FAILED
INVENTORY_UNPARSED_IS_FAILED|inventory|unparsed_is_failed|boolean|False
LOCALHOST_WARNING|defaults|localhost_warning|boolean|True
MAX_FILE_SIZE_FOR_DIFF|defaults|max_diff_size|integer|104448|ANSIBLE_MAX_DIFF_SIZE
PLAYBOOK_VARS_ROOT|defaults|playbook_vars_root|string|top
RUN_VARS_PLUGINS|defaults|run_vars_plugins|string|demand
RETRY_FILES_ENABLED|defaults|retry_files_enabled|boolean|False
SHOW_CUSTOM_STATS|defaults|show_custom_stats|boolean|False
SHOW_TASK_PATH_ON_FAILURE|defaults|show_task_path_on_failure|boolean|False
SHOW_PER_HOST_START|defaults|show_per_host_start|boolean|False
SYSTEM_WARNINGS|defaults|system_warnings|boolean|True
TAGS_RUN|tags|run|list||ANSIBLE_RUN_TAGS
TAGS_SKIP|tags|skip|list||ANSIBLE_SKIP_TAGS
TASK_TIMEOUT|defaults|task_timeout|integer|0
TRANSFORM_INVALID_GROUP_CHARS|defaults|force_valid_group_names|string|never
VARIABLE_PRECEDENCE|defaults|precedence|list|all_inventory,groups_inventory,all_plugins_inventory,all_plugins_play,groups_plugins_inventory,groups_plugins_play
GALAXY_SERVER|galaxy|server|string|
GALAXY_SERVER_LIST|galaxy|server_list|list|
GALAXY_TOKEN_PATH|galaxy|token_path|path|~/.ansible/galaxy_token
GALAXY_CACHE_DIR|galaxy|cache_dir|path|~/.ansible/galaxy_cache
GALAXY_DISABLE_GPG_VERIFY|galaxy|disable_gpg_verify|boolean|False
GALAXY_GPG_KEYRING|galaxy|gpg_keyring|path|
GALAXY_IGNORE_CERTS|galaxy|ignore_certs|boolean|False|ANSIBLE_GALAXY_IGNORE
SSH_ARGS|ssh_connection|ssh_args|string|-C -o ControlMaster=auto -o ControlPersist=60s
SSH_COMMON_ARGS|ssh_connection|ssh_common_args|string|
SSH_EXTRA_ARGS|ssh_connection|ssh_extra_args|string|
SSH_EXECUTABLE|ssh_connection|ssh_executable|string|ssh
SSH_RETRIES|ssh_connection|retries|integer|0
LOOPS_ON_BLOCKS|garboard|loops_on_blocks|boolean|False|GARBOARD_LOOPS_ON_BLOCKS
`

// Settings returns all settings.
func Settings() []Setting {
	var out []Setting
	for line := range strings.SplitSeq(strings.TrimSpace(table), "\n") {
		f := strings.Split(line, "|")
		s := Setting{Name: f[0], Section: f[1], Key: f[2], Type: Type(f[3]), Default: f[4], Env: []string{"ANSIBLE_" + strings.TrimPrefix(f[0], "DEFAULT_")}}
		if len(f) > 5 {
			s.Env = strings.Split(f[5], ",")
		}
		out = append(out, s)
	}
	return out
}
