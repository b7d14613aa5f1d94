// Package testkit helps tests that talk to real programs: it starts them, waits until they are ready, ends them with the
// test and shows what they said when the test fails. No test sleeps: what takes time is polled with a deadline.
//
// A program that is missing fails the test and names the command that installs it. Only test files import this package; the
// tests of internal/floors see to that.
package testkit
