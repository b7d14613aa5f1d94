package auth

// WrapHash lets a test see, or hold up, every comparison of a password with a hash.
func (a *Authenticator) WrapHash(wrap func(hash []byte, compare func() error) error) {
	compare := a.basic.hash
	a.basic.hash = func(hash, password []byte) error {
		return wrap(hash, func() error { return compare(hash, password) })
	}
}
