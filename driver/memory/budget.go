package memory

import (
	"sync"

	"github.com/hubbub-dev/hubbub"
)

// budgets bound what is kept of each sender, however many streams it lies in: otherwise one person who writes to made-up people
// would fill the memory.
type budgets struct {
	most int // bytes; negative means no limit

	shards [shards]struct {
		mu   sync.Mutex
		kept map[string]int // bytes by user
	}
}

// overhead is about what a message takes besides its data.
const overhead = 512

// afford tells whether a message may be kept. Those of backends always may.
func (d *Driver) afford(m *hubbub.Message) error {
	b := &d.budgets.shards[shard(d, m.From.User)]
	b.mu.Lock()
	defer b.mu.Unlock()
	if d.budgets.most < 0 || m.From.User == "" || b.kept[m.From.User]+len(m.Data)+overhead <= d.budgets.most {
		return nil
	}
	return hubbub.Errorf(hubbub.TooLarge, "%d KiB of what you have sent are kept, which is as much as is allowed; send more "+
		"when some of it has expired", b.kept[m.From.User]>>10)
}

// charge counts a message that is kept from now on, or not any more.
func (d *Driver) charge(m *hubbub.Message, sign int) {
	if d.budgets.most < 0 || m.From.User == "" {
		return
	}
	b := &d.budgets.shards[shard(d, m.From.User)]
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.kept == nil {
		b.kept = map[string]int{}
	}
	b.kept[m.From.User] += sign * (len(m.Data) + overhead)
	if b.kept[m.From.User] == 0 {
		delete(b.kept, m.From.User)
	}
}
