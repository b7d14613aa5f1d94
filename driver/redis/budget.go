package redis

import (
	"context"
	"strconv"

	"github.com/hubbub-dev/hubbub"
)

var spendScript = newScript("spend")

// allowance is what a user may still send by this process without asking Redis. A process takes more than it needs at once, so that most
// messages ask for nothing; what it has left when it ends counts as sent.
type allowance struct {
	bytes int
	until int64 // in ms: when the day ends
}

// overhead is about what a message takes besides its data.
const overhead = 512

// How much of a budget is taken at once: such a part of it, and at most so many bytes.
const (
	partOfBudget = 64
	mostOfBudget = 256 << 10
)

// costOf is what a draft takes of the budget of its sender; 0 if it takes nothing.
func (d *Driver) costOf(draft *hubbub.Draft) int {
	if d.options.KeptPerSender < 0 || draft.Message.From.User == "" || draft.Retention.Messages < 0 {
		return 0
	}
	return len(draft.Message.Data) + overhead
}

// spend takes bytes of the budget that a user has now, in ms, or tells that there are not so many. Otherwise one person who writes to made-up people
// would fill the memory.
func (d *Driver) spend(ctx context.Context, user string, cost int, now int64) error {
	if cost == 0 {
		return nil
	}
	enough := false
	take := func(a *allowance) {
		if enough = a.until > now && a.bytes >= cost; enough {
			a.bytes -= cost
		}
	}
	if d.streams.allowances.change(user, take); enough {
		return nil
	}
	most := d.options.KeptPerSender
	want := max(cost, min(mostOfBudget, most/partOfBudget))
	key := d.options.Prefix + userTag(bucketOf(user)) + "sent:" + user
	got, err := d.exec(ctx, spendScript, []string{key}, formatMs(now), strconv.Itoa(cost), strconv.Itoa(want), strconv.Itoa(most)).AsIntSlice()
	if err == nil && len(got) != 3 {
		err = errBadEntry
	}
	if err != nil {
		return unavailable(err, "count what was sent")
	}
	if got[0] < int64(cost) {
		return hubbub.Errorf(hubbub.TooLarge, "you have sent %d KiB that are kept since a day, which is as much as is allowed; send more later",
			got[1]>>10)
	}
	d.streams.allowances.change(user, func(a *allowance) {
		if a.until != got[2] {
			*a = allowance{until: got[2]}
		}
		a.bytes += int(got[0]) - cost
	})
	return nil
}

// refund gives back what was not needed after all.
func (d *Driver) refund(user string, cost int) {
	if cost > 0 {
		d.streams.allowances.change(user, func(a *allowance) { a.bytes += cost })
	}
}

// knows tells whether the key of a draft is known, as far as one can see without accepting it.
func (d *Driver) knows(ctx context.Context, draft *hubbub.Draft) bool {
	if draft.Key == "" {
		return false
	}
	key := d.idempotencyKey(draft.Message.Stream, keyName(draft))
	n, err := d.do(ctx, d.b().Exists().Key(key).Build()).AsInt64()
	return err == nil && n == 1
}
