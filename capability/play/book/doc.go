// Package book reads playbooks, task files and roles into plays, blocks and
// tasks, with static imports in place and keywords as they are written.
package book
