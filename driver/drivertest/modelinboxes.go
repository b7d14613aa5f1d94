package drivertest

import "testing"

func modelInboxes(t *testing.T, store func(*testing.T, *Clock) Inboxes) {}
