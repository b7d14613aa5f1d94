package drivertest

import (
	"testing"

	"github.com/hubbub-dev/hubbub"
)

// RunStore tests a store. store returns a new one that knows nothing of the others and lives by the clock. It is called for
// each test, and cleans up after itself with t.Cleanup. The parts of a store have suites of their own.
func RunStore(t *testing.T, store func(t *testing.T, clock *Clock) hubbub.Store) {
	RunStreams(t, func(t *testing.T, clock *Clock) Streams { return store(t, clock) })
	RunJournal(t, func(t *testing.T, clock *Clock) hubbub.Journal { return store(t, clock) })
	RunOutbox(t, func(t *testing.T, clock *Clock) hubbub.Outbox { return store(t, clock) })
	RunNotices(t, func(t *testing.T, clock *Clock) Inboxes { return store(t, clock) })
	whole := func(tb *testing.T, clock *Clock) *storeRig { return &storeRig{base{tb, clock}, store(tb, clock)} }
	run(t, whole, factTests(), backlogTests(), revocationStoreTests(), forgetTests())
}

// Streams is the part of a store that keeps messages.
type Streams interface {
	hubbub.Log
	hubbub.Conversations
	hubbub.Members
	hubbub.Eraser
}

// RunStreams tests the part of a store that keeps messages.
func RunStreams(t *testing.T, store func(t *testing.T, clock *Clock) Streams) {
	rig := func(tb *testing.T, clock *Clock) *streamRig {
		return &streamRig{base: base{tb, clock}, streams: store(tb, clock)}
	}
	run(t, rig, logTests(), keyTests(), conversationTests(), lastingTests())
	modelLog(t, rig)
	erasing := func(tb *testing.T, clock *Clock) *eraseRig {
		s := store(tb, clock)
		return &eraseRig{streamRig{base: base{tb, clock}, streams: s}, s}
	}
	run(t, erasing, eraseTests())
	modelErase(t, erasing)
	run(t, func(tb *testing.T, clock *Clock) *memberRig {
		s := store(tb, clock)
		return &memberRig{streamRig{base: base{tb, clock}, streams: s}, s}
	}, memberTests())
}
