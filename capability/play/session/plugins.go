package session

import "garboard.dev/garboard/capability/play/template"

// plugins are what Ansible adds to Jinja2.
func (s *Session) plugins() template.Plugins {
	return template.Plugins{}
}
