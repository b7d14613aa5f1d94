package drivertest

import (
	"fmt"
	"math/rand/v2"
	"sync/atomic"
	"time"

	"github.com/hubbub-dev/hubbub"
)

func crowdTests() []test[*desk] {
	return []test[*desk]{
		{"many publish and mark at the same time", crowded},
		{"many use the same key at the same time", sameKeyAtOnce},
	}
}

// crowded has many publish to, mark, withdraw from and read the same inboxes. Then each count is that of a recount, and
// nothing that was accepted is missing.
func crowded(d *desk) {
	users := names(4)
	for _, user := range users {
		d.member("lobby", user)
	}
	var reached atomic.Int64
	atOnce(8, func(w int) {
		dice := rand.New(rand.NewPCG(uint64(w), 1))
		for i := range 40 {
			if err := d.trouble(dice, fmt.Sprintf("%d-%d", w, i), users, &reached); err != nil {
				d.Errorf("%v", err)
			}
		}
	})
	d.clock.Advance(time.Minute)
	d.deliverAll()
	listed := 0
	for _, user := range users {
		listed += len(recount(d, d.store, user))
	}
	if listed != int(reached.Load()) {
		d.Fatalf("%d notices are listed, %d were delivered", listed, reached.Load())
	}
	d.clock.Advance(2 * time.Hour)
	d.expire(20)
	for _, user := range users {
		if left := recount(d, d.store, user); len(left) != 0 {
			d.Fatalf("%s has %d notices left", user, len(left))
		}
	}
}

// trouble does one thing with some of the users, and counts in reached by how many notices there are more.
func (d *desk) trouble(dice *rand.Rand, id string, users []string, reached *atomic.Int64) error {
	user := users[dice.IntN(len(users))]
	p := hubbub.Publication{
		ID: id, Content: hubbub.NoticeContent{Category: fmt.Sprint("c", dice.IntN(3)), Title: "t"},
		To: hubbub.Recipients{Users: users[:1+dice.IntN(len(users))]}, Time: d.clock.Now(), Expires: d.clock.Now().Add(time.Hour),
	}
	if dice.IntN(4) == 0 {
		p.To = hubbub.Recipients{Room: "lobby"}
	}
	var err error
	var step hubbub.Step
	switch dice.IntN(8) {
	case 0, 1, 2, 3:
		step, err = d.store.Publish(d.Context(), p)
	case 4:
		if step, err = d.store.Publish(d.Context(), p); err == nil {
			var gone hubbub.Removed
			gone, err = d.store.Withdraw(d.Context(), id)
			reached.Add(-int64(len(gone.Users)))
		}
	case 5:
		_, err = d.store.Inbox(d.Context(), user)
	default:
		m := hubbub.NoticeMark{State: everyState()[1+dice.IntN(3)], Limit: 1 + dice.IntN(20)}
		m.Back = m.State == hubbub.NoticeSeen && dice.IntN(2) == 0
		_, _, err = d.store.MarkNotices(d.Context(), user, m)
	}
	reached.Add(int64(len(step.Users)))
	return err
}

func sameKeyAtOnce(d *desk) {
	var fresh atomic.Int64
	atOnce(16, func(i int) {
		p := hubbub.Publication{
			ID: fmt.Sprint("p", i), Content: hubbub.NoticeContent{Category: "news", Title: "t"},
			To: hubbub.Recipients{Users: []string{"ann"}}, Key: "k", Time: d.clock.Now(),
		}
		step, err := d.store.Publish(d.Context(), p)
		if err != nil {
			d.Errorf("%v", err)
		}
		if !step.Repeated {
			fresh.Add(1)
		}
	})
	if n := len(recount(d, d.store, "ann")); fresh.Load() != 1 || n != 1 {
		d.Fatalf("%d of 16 were taken for new, and ann has %d notices", fresh.Load(), n)
	}
}
