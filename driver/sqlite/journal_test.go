package sqlite_test

import (
	"testing"
	"time"

	"github.com/hubbub-dev/hubbub"
	"github.com/hubbub-dev/hubbub/driver/sqlite"
)

func TestWhoArrivesUnchangedIsNotWritten(t *testing.T) {
	s := open(t, sqlite.Options{})
	ann := hubbub.Visitor{User: "ann", Info: []byte(`{"name": "Ann"}`), Attrs: map[string]string{"a": "1", "b": "2"}}
	var before sqlite.Stats
	for i := range 3 {
		if err := s.Arrive(t.Context(), ann); err != nil {
			t.Fatal(err)
		}
		if i > 0 && s.Stats() != before {
			t.Fatalf("arriving again writes: %+v, then %+v", before, s.Stats())
		}
		before = s.Stats()
	}
	if items, err := s.Claim(t.Context(), "hook", 10, time.Minute); len(items) != 0 || err != nil || s.Stats() != before {
		t.Fatalf("claiming nothing gave %+v, %v, and wrote: %+v, then %+v", items, err, before, s.Stats())
	}
}
