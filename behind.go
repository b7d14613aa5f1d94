package hubbub

// behind knows which transitions were left out since too many waited, and are told again by the registry. What the same user does meanwhile
// is left out, too, so that the order of the user holds. There are no more of them than the registry keeps unconfirmed. Whoever uses it
// holds a lock.
type behind struct {
	ids   map[string]struct{}
	users map[string]*late
}

// late is what was left out of one user.
type late struct {
	ids   []string // in the order of the decisions
	again string   // one that was told again since the first was
}

// waits tells whether something of the same user that was left out comes before a transition. If the registry tells one twice and
// not the first, it has given that one up, and nobody waits for it any more.
func (b *behind) waits(t *Transition) bool {
	l := b.users[t.User]
	if l == nil {
		return false
	}
	_, left := b.ids[t.ID]
	switch {
	case l.ids[0] == t.ID:
		l.again = ""
		return false
	case left && l.again == "":
		l.again = t.ID
	case l.again == t.ID:
		delete(b.ids, l.ids[0])
		l.ids, l.again = l.ids[1:], ""
		return l.ids[0] != t.ID
	}
	return true
}

// leave leaves a transition out.
func (b *behind) leave(t *Transition) {
	if _, left := b.ids[t.ID]; left {
		return
	}
	if b.ids == nil {
		b.ids, b.users = map[string]struct{}{}, map[string]*late{}
	}
	l := b.users[t.User]
	if l == nil {
		l = &late{}
		b.users[t.User] = l
	}
	b.ids[t.ID] = struct{}{}
	l.ids = append(l.ids, t.ID)
}

// back takes note that a transition for which waits tells false is not left out.
func (b *behind) back(t *Transition) {
	if _, left := b.ids[t.ID]; !left {
		return
	}
	delete(b.ids, t.ID)
	if l := b.users[t.User]; len(l.ids) > 1 {
		l.ids = l.ids[1:]
		return
	}
	if delete(b.users, t.User); len(b.users) == 0 {
		*b = behind{} // so that the maps can be collected
	}
}
