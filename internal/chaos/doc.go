// Package chaos holds a test and no code: real gateways on real servers, which are killed, stopped and cut off from each other while
// people talk, come and go and are signed out, and a model of what they were told, which is compared with what there is in the end.
//
// The model knows every message that was accepted, every session and every event that was told. It only judges observations, so that
// tests of its own can plant each fault that it must find. The world around it makes the observations: gateways (the built command),
// Redis, PostgreSQL, links that can be cut, people, a backend, and a receiver of webhooks.
//
// A run has rounds. In each, people act while faults happen; then all is healed, everybody finishes what was begun, and what the model
// finds wrong must go away soon, or the round has failed. What is never right, such as a position that was given twice, fails it at once.
//
//	make test                     # a short run on each set of servers
//	make chaos CHAOS=10m          # as long as asked; SEED=… repeats the faults of an earlier run, SERVERS=… and FAULTS=… choose
package chaos
