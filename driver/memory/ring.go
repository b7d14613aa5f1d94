package memory

// ring is a queue in one slice that also reads by index. It grows by doubling and shrinks when three quarters are free. The
// zero value is empty.
type ring[T any] struct {
	slots []T
	first int // slot of the oldest
	n     int
}

func (r *ring[T]) len() int { return r.n }

// at returns the i-th oldest.
func (r *ring[T]) at(i int) *T {
	i += r.first
	if i >= len(r.slots) {
		i -= len(r.slots)
	}
	return &r.slots[i]
}

// push adds the newest.
func (r *ring[T]) push(v T) {
	if r.n == len(r.slots) {
		r.resize(max(2, 2*r.n))
	}
	r.n++
	*r.at(r.n - 1) = v
}

// pop removes the oldest, which must be there.
func (r *ring[T]) pop() T {
	var zero T
	slot := r.at(0)
	v := *slot
	*slot = zero
	r.n--
	r.first++
	if r.first == len(r.slots) {
		r.first = 0
	}
	if len(r.slots) > 16 && r.n <= len(r.slots)/4 {
		r.resize(len(r.slots) / 2)
	}
	return v
}

func (r *ring[T]) resize(size int) {
	slots := make([]T, size)
	n := copy(slots, r.slots[r.first:min(len(r.slots), r.first+r.n)])
	copy(slots[n:], r.slots[:r.n-n])
	r.slots, r.first = slots, 0
}
