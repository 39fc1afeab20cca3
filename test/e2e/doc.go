// Package e2e has the tests that take long or need the whole machine. They run
// with the build tag e2e.
package e2e
