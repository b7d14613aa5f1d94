package inbox_test

import (
	"context"
	"slices"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/hubbub-dev/hubbub"
	"github.com/hubbub-dev/hubbub/inbox"
)

// contested is a store in which one mark of ann takes three steps, and notes whose steps they are. With the first step it has the
// other mark begin, and waits until that cannot go on.
type contested struct {
	inbox.Store
	begin func()

	mu    sync.Mutex
	steps []string
}

func (c *contested) Inbox(context.Context, string) (hubbub.InboxState, error) {
	return hubbub.InboxState{}, nil
}

func (c *contested) NoticesOf(context.Context, string, hubbub.NoticeQuery) ([]hubbub.Notice, error) {
	return nil, nil
}

func (c *contested) MarkNotices(_ context.Context, user string, m hubbub.NoticeMark) (int, bool, error) {
	c.mu.Lock()
	c.steps = append(c.steps, user+" "+string(m.State))
	first := len(c.steps) == 1
	step := len(slices.DeleteFunc(slices.Clone(c.steps), func(s string) bool { return s != user+" "+string(m.State) }))
	c.mu.Unlock()
	if first {
		c.begin()
		synctest.Wait()
	}
	return m.Limit, step < 3, nil
}

type deaf struct{}

func (deaf) Publish(context.Context, hubbub.Topic, hubbub.Event) error { return nil }

// TestMarksOfOneUserTakeTurns has two devices mark everything in opposite directions. If their steps took turns, each would make
// new work for the other, and neither would ever end. Who waits goes when it is told to, and others do not wait.
func TestMarksOfOneUserTakeTurns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := &contested{}
		in := inbox.New(inbox.Options{Store: c, Bus: deaf{}})
		mark := func(ctx context.Context, user, state string) error {
			_, _, err := in.Mark(ctx, user, inbox.Mark{State: state, All: true})
			return err
		}
		impatient, leave := context.WithCancel(t.Context())
		var gone error
		c.begin = func() {
			go func() { gone = mark(impatient, "ann", "archived") }()
			synctest.Wait()
			leave()
			synctest.Wait()
			go mark(t.Context(), "ann", "unread")
			go mark(t.Context(), "bob", "read")
		}
		if err := mark(t.Context(), "ann", "read"); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		want := []string{"ann read", "bob read", "bob read", "bob read", "ann read", "ann read", "ann seen", "ann seen", "ann seen"}
		if !slices.Equal(c.steps, want) {
			t.Errorf("the steps are %q, want %q", c.steps, want)
		}
		if gone == nil {
			t.Error("who went was not told that nothing is marked")
		}
	})
}
